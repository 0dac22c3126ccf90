import pytest

from mlopt.testing.tracker import RESULT
from mlopt.tracker.summary import duration, markdown, plain, significant

LONG = "no C++ compiler was found on this machine, and none of the usual names for one is in the path"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (12.3456, "12.35 s"),
        (1.0, "1.000 s"),
        (0.99999e-3, "1000.0 µs"),
        (2e-3, "2.000 ms"),
        (412.34e-6, "412.3 µs"),
        (5e-9, "5.000 ns"),
        (2.5e-10, "0.2500 ns"),
        (0.0, "0 ns"),
    ],
)
def test_a_duration_is_told_in_the_unit_that_suits_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_significant_digits_never_turn_into_an_exponent() -> None:
    assert [significant(x, 3) for x in (123456.0, 1.0, 0.000123456)] == ["123456", "1.00", "0.000123"]


def test_the_table_sets_the_best_against_each_baseline_with_right_aligned_numbers() -> None:
    result = {**RESULT, "workload": {"flops": 2 * 512**3}}
    assert plain(result, 80) == [
        "                   time  95 % interval  speedup over  of roofline  GFLOP/s",
        "best           2.000 ms  1.900 - 2.100                     50.0 %      134",
        "naive          8.000 ms  7.900 - 8.100         4.00x       12.5 %     33.6",
        "torch_compile  skipped: no C++ compiler",
        "roofline       1.000 ms                                   100.0 %      268",
    ]


def test_the_widest_usual_table_fits_80_columns_and_long_reasons_are_wrapped() -> None:
    entry = {"seconds": 123.45e-6, "ci95": [123.41e-6, 123.49e-6]}
    result = {
        "workload": {"flops": 1e9},
        "best": entry,
        "baselines": {"torch_compile": {"skipped": LONG}, "torch": entry, "roofline": {"seconds": 1e-4}},
        "speedup": {"torch": 1234.5},
    }
    lines = plain(result, 80)
    assert max(map(len, lines)) <= 80
    assert " ".join(part.strip() for part in lines[2:4]).split(maxsplit=1) == ["torch_compile", f"skipped: {LONG}"]


def test_both_ends_of_an_interval_have_the_unit_of_the_estimate() -> None:
    result = {"best": {"seconds": 1.001e-3, "ci95": [0.9995e-3, 1.0021e-3]}}
    assert plain(result, 80)[1].split() == ["best", "1.001", "ms", "0.999", "-", "1.002"]


def test_a_simulated_study_has_costs_and_no_times() -> None:
    assert plain({"best": {"cost": 1234.56}, "baselines": {"naive": {"cost": 9}}}, 80) == [
        "       cost",
        "best   1235",
        "naive     9",
    ]


def test_without_a_valid_schedule_only_the_baselines_are_left() -> None:
    assert [line.split()[0] for line in plain({**RESULT, "best": None}, 80)[1:]] == [
        "naive",
        "torch_compile",
        "roofline",
    ]


def test_the_markdown_table_has_the_same_rows() -> None:
    lines = markdown(RESULT).splitlines()
    assert lines[0].startswith("|  | time | 95 % interval | speedup over |")
    assert lines[1] == "| :-- | --: | --: | --: | --: | --: |"
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["best", "naive", "torch_compile", "roofline"]
    assert "| skipped: no C++ compiler |" in lines[4]
    assert len({line.count("|") for line in lines}) == 1
