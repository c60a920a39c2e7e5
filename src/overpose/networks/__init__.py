"""The networks: pose autoencoder, PCA, encoders, pose predictor, and how they lie on disk."""
