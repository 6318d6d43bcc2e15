"""YAML that would cost much, or that no file should hold."""

import tracemalloc

import pytest

from exporter.config.yaml_document import read_document

_MUCH = 50 * 2**20


def words(text: str) -> list[str]:
    return [str(mistake) for mistake in read_document(text, {}).mistakes]


@pytest.mark.slow
@pytest.mark.parametrize("item", ["x", "[]", "{a: 1}", "~", "x" * 2_000, '"${NAME}"'])
@pytest.mark.parametrize("width", [2, 50])
def test_aliases_that_repeat_each_other_cost_little(item: str, width: int) -> None:
    levels = [f"l0: &l0 [{', '.join([item] * width)}]"]
    levels += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * width)}]" for n in range(1, 40)]
    tracemalloc.start()

    mistakes = read_document("\n".join(levels), {"NAME": "value"}).mistakes
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [str(mistake) for mistake in mistakes] == ["aliases (*) repeat too much of it: write it out, or into files"]
    assert most < _MUCH


def test_aliases_of_a_whole_company_are_fine() -> None:
    source = "{vendor: augment, interval: 1h, calendar: *all, " + ", ".join(f"key{n}: value" for n in range(10)) + "}"
    text = "all: &all {country: DE, weekend: [sat, sun]}\n" + "".join(f"s{n}: {source}\n" for n in range(1_000))

    assert words(text) == []


@pytest.mark.slow
@pytest.mark.parametrize("opened", ["[", "{", "[{", "- ", "? ", "{a: ", "{? "])
def test_what_is_nested_without_end_is_one_mistake(opened: str) -> None:
    assert words(opened * 20_000) == ["not valid YAML: nested too deeply, or an anchor holds itself"]


@pytest.mark.parametrize(
    "text",
    ['"\\UFFFFFFFF"', '"\\U00110000"', f"%YAML 1.{'9' * 5_000}\n---\na: 1\n"],
)
def test_a_number_that_is_too_large_for_yaml_is_one_mistake(text: str) -> None:
    assert words(text) == ["not valid YAML: it holds a number that is too large"]


def test_a_long_tag_is_cut_short() -> None:
    assert words(f"a: !<{'x' * 1_000}> b") == [f"a: has the YAML tag {'x' * 60}…, which is not supported"]


def test_a_merge_key_is_named_and_its_quoted_twin_is_a_key() -> None:
    text = 'base: &base {a: 1}\nmerged: {<<: *base, b: 2}\nlisted:\n  <<: [*base]\nquoted: {"<<": 1}\n'
    document = read_document(text, {})

    assert [str(mistake) for mistake in document.mistakes] == [
        "merged.<<: is a merge key, which is not supported: write out the keys it stands for",
        "listed.<<: is a merge key, which is not supported: write out the keys it stands for",
    ]
    assert document.value == {"base": {"a": 1}, "merged": {"b": 2}, "listed": {}, "quoted": {"<<": 1}}
