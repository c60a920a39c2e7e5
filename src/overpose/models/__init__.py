"""The networks: pose autoencoder, PCA, image encoder, regressor, and how they lie on disk."""

from overpose.models.autoencoder import AutoencoderConfig, PoseAutoencoder
from overpose.models.codes import PoseCode, PoseDecoder, encode_poses, reconstruct_poses
from overpose.models.image_encoder import ImageEncoder, ImageEncoderConfig
from overpose.models.normalization import PoseNormalization
from overpose.models.pca import PCAConfig, PosePCA, fit_pca
from overpose.models.regressor import PoseRegressor, RegressorConfig
from overpose.models.storage import load_model, save_model

__all__ = [
    "AutoencoderConfig",
    "ImageEncoder",
    "ImageEncoderConfig",
    "PCAConfig",
    "PoseAutoencoder",
    "PoseCode",
    "PoseDecoder",
    "PoseNormalization",
    "PosePCA",
    "PoseRegressor",
    "RegressorConfig",
    "encode_poses",
    "fit_pca",
    "load_model",
    "reconstruct_poses",
    "save_model",
]
