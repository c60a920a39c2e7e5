"""DconvMP-HML's regression as a network from crops to poses in mm, to be exported."""

import torch
from torch import Tensor, nn

from overpose.baselines.dconv import JOINTS, LIMBS, TARGET_MM, DconvMPHML
from overpose.skeleton import HUMAN36M


class RegressedPoses(nn.Module):
    """Central crops (batch, 3, crop, crop) to poses (batch, 17, 3), mm, root-relative.

    Limbs are added up along the tree by one product of matrices: `dconv.poses_of_limbs`.
    """

    above: Tensor

    def __init__(self, model: DconvMPHML) -> None:
        super().__init__()
        self.model = model
        above = torch.zeros(JOINTS, LIMBS)
        for place, (parent, joint) in enumerate(HUMAN36M.limbs):
            above[joint] = above[parent]
            above[joint, place] = 1.0
        self.register_buffer("above", above * TARGET_MM, persistent=False)

    def forward(self, crops: Tensor) -> Tensor:
        """Poses."""
        limbs, _ = self.model(crops)
        return self.above @ limbs.unflatten(1, (LIMBS, 3))
