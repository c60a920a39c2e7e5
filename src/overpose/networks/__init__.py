"""The networks: pose autoencoder, PCA, image encoder, regressor, and how they lie on disk."""
