"""overpose: 3D human pose from one ordinary camera, through a learned latent code of the body."""

__version__ = "0.1.0"
