"""Write a report to a folder."""

from pathlib import Path

from anabranch.training.report.contents import Report
from anabranch.training.report.html import to_html
from anabranch.training.report.json_view import to_json
from anabranch.training.report.plot import save_png


def write_report(report: Report, folder: Path) -> None:
    """Write `report.json`, `report.png` and `report.html`; each appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("report.json", "report.png", "report.html")
    drafts = {folder / name: folder / f"{name}.unfinished" for name in names}
    data, picture, page = drafts.values()
    try:
        data.write_bytes(to_json(report))
        save_png(report, picture)
        page.write_text(to_html(report), encoding="utf-8")
        for path, draft in drafts.items():
            draft.replace(path)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
