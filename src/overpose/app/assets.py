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
        from overpose.studio.body_export import load_body_asset
        from overpose.support.assets import DOWNLOADS, asset_table, download_asset

        for row in asset_table():
            if not self.list:
                download_asset(row.key) if row.key in DOWNLOADS else load_body_asset()
            state = "there" if row.path.is_file() else "missing"
            print(f"{row.key}: {row.path} ({state}; {row.licence})")
