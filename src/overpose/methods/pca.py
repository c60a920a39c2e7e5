"""The CNN to the principal components of poses: `latent` with the simplest of codes."""

from dataclasses import replace

from overpose.methods import latent

METHOD = replace(
    latent.METHOD,
    name="pca",
    stage="pca",
    title="CNN to PCA coefficients",
    summary="the image to the poses' principal components, in the place of the latent",
    in_figure=False,
)
