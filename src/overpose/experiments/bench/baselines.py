"""What the compared systems cost: StructNet's search as poses grow, LinKDE's memory as samples do.

Weights and images are random: neither changes the cost.
"""

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import torch

from overpose.baselines.structnet import StructNet, StructNetConfig
from overpose.networks.configs import PosePredictorConfig
from overpose.networks.image_encoder import ImageEncoderConfig
from overpose.networks.pose_predictor import PosePredictor

POSES = (1_000, 10_000, 100_000)
SAMPLES = (10_000, 50_000)
_IMAGES, _REPEATS = 128, 5
_LINKDE = """
import sys
from pathlib import Path
import numpy as np
from overpose.baselines.linkde import LinKDEConfig, fit_linkde
rng = np.random.default_rng(0)
def blocks(samples, size=500):
    for _ in range(0, samples, size):
        images = rng.integers(0, 256, (size, 64, 64, 4), dtype=np.uint8)
        yield images, rng.normal(0, 300, (size, 17, 3)).astype(np.float32)
fit_linkde(blocks(int(sys.argv[1])), LinKDEConfig(input_features=2000, output_features=1000))
lines = Path("/proc/self/status").read_text().splitlines()
print(next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")))
"""


def bench_baselines(
    structnet: StructNetConfig,
    image_encoder: ImageEncoderConfig,
    latent: int,
    *,
    poses: tuple[int, ...] = POSES,
    samples: tuple[int, ...] = SAMPLES,
) -> dict[str, float]:
    """Measure on this machine's CPU.

    Args:
        structnet: sizes of StructNet.
        image_encoder: sizes of our image network.
        latent: numbers in our code.
        poses: how many StructNet chooses from.
        samples: how many LinKDE is fitted to.

    Returns:
        `ours_ms_per_image`; `structnet_max_ms_per_image_N` for N poses, their embeddings computed
        beforehand, and `structnet_embed_s_N`, the seconds that this takes;
        `linkde_memory_mib_N`, the peak of a process that fits N samples (2,000 and 1,000 features;
        absent on systems other than Linux).
    """
    size = image_encoder.image_size
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (_IMAGES, size, size, 3), dtype=np.uint8)
    config = PosePredictorConfig("finetuned", image_encoder, decoder_sizes=(latent, 51))
    numbers = {"ours_ms_per_image": _ms_per_image(PosePredictor(config).eval(), images)}
    for count in poses:
        model = StructNet(replace(structnet, poses=count)).eval()
        random = rng.normal(0, 300, (count, 17, 3)).astype(np.float32)
        model.poses_mm.copy_(torch.from_numpy(random))
        torch.nn.init.normal_(model.image_embedding.weight)
        began = time.perf_counter()
        model.predict(images[:1])
        numbers[f"structnet_embed_s_{count}"] = time.perf_counter() - began
        numbers[f"structnet_max_ms_per_image_{count}"] = _ms_per_image(model, images)
    if Path("/proc/self/status").is_file():
        for count in samples:
            done = subprocess.run(
                [sys.executable, "-c", _LINKDE, str(count)],
                capture_output=True,
                text=True,
                check=True,
            )
            numbers[f"linkde_memory_mib_{count}"] = float(done.stdout.split()[-1])
    return numbers


def _ms_per_image(model: PosePredictor | StructNet, images: np.ndarray) -> float:
    taken = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        model.predict(images, batch_size=len(images))
        taken.append(time.perf_counter() - began)
    return 1000 * median(taken) / len(images)
