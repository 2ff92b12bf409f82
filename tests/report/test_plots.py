"""The plots are pictures that one can look at, and the same for the same run."""

from __future__ import annotations

import functools
import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from limitproof.report.canvas import LIGHT, THEMES, Picture, Theme, spread
from limitproof.report.plot_windows import draw_windows
from limitproof.report.plots import draw_plots, save_plots
from tests.report.runs import judged, three


@functools.cache
def drawn(theme: Theme) -> tuple[Picture, ...]:
    """The plots of the three made-up limiters, drawn once for all tests."""
    return draw_plots(three(), theme)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_plot_is_a_picture_on_its_own_paper(theme: Theme) -> None:
    pictures = drawn(theme)
    assert [picture.name for picture in pictures] == ["windows", "herds", "memory"]
    for picture in pictures:
        image = Image.open(io.BytesIO(picture.png))
        image.load()
        assert image.format == "PNG"
        assert image.size == (picture.width, picture.height)
        assert picture.width >= 1600
        assert picture.height >= 400
        assert len(picture.png) < 120_000
        colours = image.convert("RGB").getcolors(1 << 16)
        assert colours is not None
        assert len(colours) > 10
        most, corner = max(colours)[0], image.convert("RGB").getpixel((2, 2))
        assert (most, corner) in colours
        assert corner == tuple(bytes.fromhex(theme.paper[1:]))


def test_titles_say_what_one_sees() -> None:
    windows, herds, memory = drawn(LIGHT)
    assert windows.title == "1 of 3 limiters admit more than the limit in one window"
    assert herds.title == "The more clients come at once, the more is admitted beyond the limit"
    assert memory.title == "1 of 3 limiters keep more than the quota explains"
    assert "get_set_json: 0 at 1 client, 2 at 2 clients, 4 at 4 clients" in herds.alt
    assert "no_prune at most 53.6 kB" in memory.alt
    assert "get_set_json 16" in windows.alt


def test_a_single_limiter_is_called_by_its_name() -> None:
    titles = [picture.title for picture in draw_plots([judged("mine")], LIGHT)]
    assert titles == [
        "mine admits no more than 10 in one window",
        "No herd of clients gets more than the limit",
        "mine keeps no more than the quota explains",
    ]


def test_the_same_run_gives_the_same_bytes() -> None:
    assert [one.png for one in draw_plots(three(), LIGHT)] == [one.png for one in drawn(LIGHT)]


def test_many_limiters_fit() -> None:
    many = [judged(f"limiter_{n}_with_a_long_name" * 3, overshoot=n % 9, leak=n) for n in range(23)]
    windows = draw_windows(many, LIGHT)
    assert windows is not None
    assert windows.height < 2200


@pytest.mark.parametrize("name", ["$\\frac{x$_^", "限流器", "two\nlines\t\x00", "", "x" * 5000])
def test_any_name_is_drawn_as_it_is(name: str) -> None:
    assert len(draw_plots([judged(name, overshoot=3, leak=900)] * 2, LIGHT)) == 3


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw_plots([], LIGHT) == ()


def test_plots_are_saved_as_files(tmp_path: Path) -> None:
    pictures = drawn(LIGHT)
    save_plots(pictures, tmp_path)
    save_plots(pictures, tmp_path)
    saved = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert saved == sorted(f"{picture.name}.png" for picture in pictures)


def test_pyplot_is_never_imported() -> None:
    code = (
        "import sys; import limitproof.report.plots; "
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )  # fmt: skip
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_command_line_does_not_pay_for_matplotlib() -> None:
    code = "import sys; import limitproof.report.run_html; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_labels_keep_their_distance() -> None:
    assert spread([0.0, 0.0, 5.0], 1.0, 0.0, 10.0) == [0.0, 1.0, 5.0]
    assert spread([9.0, 10.0, 10.0], 1.0, 0.0, 10.0) == [8.0, 9.0, 10.0]
    assert spread([], 1.0, 0.0, 10.0) == []
