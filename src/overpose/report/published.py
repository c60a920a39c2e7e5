"""The numbers that the 2016 paper published, copied from its Tables 1 and 2. Nothing measured here.

Source: Tekin, Katircioglu, Salzmann, Lepetit, Fua: Structured Prediction of 3D Human Pose with
Deep Neural Networks, BMVC 2016.
"""

DATASET = "Human3.6M"
TABLE_1_ACTIONS = (
    "Discussion",
    "Eating",
    "Greeting",
    "Taking Photo",
    "Walking",
    "Walking Dog",
)

TABLE_1_MPJPE_MM: dict[str, tuple[float, ...]] = {
    "LinKDE": (183.09, 132.50, 162.27, 206.45, 97.07, 177.84),
    "DconvMP-HML": (148.79, 104.01, 127.17, 189.08, 77.60, 146.59),
    "StructNet-Max": (149.09, 109.93, 136.90, 179.92, 83.64, 147.24),
    "StructNet-Avg": (134.13, 97.37, 122.33, 166.15, 68.51, 132.51),
    "Ours": (129.06, 91.43, 121.68, 162.17, 65.75, 130.53),
}
"""Average Euclidean distance in mm between predicted and true joints, Human3.6M, S9 and S11."""

TABLE_2_LIMB_RATIO: dict[str, tuple[float, float, float]] = {
    "KDE": (1.02, 7.18, 16.43),
    "CNN": (0.57, 6.86, 14.97),
    "Ours, no fine-tuning": (0.62, 5.30, 11.99),
    "Ours, with fine-tuning": (0.77, 5.43, 11.90),
}
"""Sum of the log of limb length ratio errors: lower body, upper body, full body."""

TABLE_1_OURS = "Ours"
TABLE_2_CNN = "CNN"
TABLE_2_OURS = "Ours, with fine-tuning"
