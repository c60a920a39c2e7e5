"""Files that overpose needs but does not ship: `assets`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Assets:
    """Say which files overpose needs but does not ship, where they lie, and get those missing.

    Example: overpose assets --list
    """

    list: bool = False
    """Only say what there is; get nothing."""

    def run(self) -> None:
        from overpose.support.assets import ASSETS, asset_table, download_asset, load_asset

        for row in asset_table():
            if not self.list:
                load_asset(row.key) if row.key in ASSETS else download_asset(row.key)
            state = "there" if row.path.is_file() else "missing"
            print(f"{row.key}: {row.path} ({state}; {row.licence})")
