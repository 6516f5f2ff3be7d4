"""Parser of CHANGELOG.md as Markdown, in the format of https://keepachangelog.com/en/1.1.0/."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from delivery.errors import Failure
from delivery.versions import is_version

if TYPE_CHECKING:
    from markdown_it.token import Token

UNRELEASED = "Unreleased"


class NoParser(Failure):
    """The Markdown parser is not installed."""


class Lines(NamedTuple):
    """A section, or the definition of a link or footnote: the lines `begin` to before `end`."""

    name: str  # of a section such as 1.2.3; of a definition its label
    begin: int
    end: int

    def has(self, token: Token) -> bool:
        return token.map is not None and self.begin <= token.map[0] < self.end


class Changelog:
    def __init__(self, text: str) -> None:
        try:
            from markdown_it import MarkdownIt
            from mdit_py_plugins.footnote import footnote_plugin
        except ModuleNotFoundError:
            raise NoParser(
                "markdown-it-py is missing:"
                " pip install --require-hashes -r requirements-release.txt"
            ) from None
        parser = MarkdownIt("commonmark", {"store_labels": True})
        parser.enable("table").use(footnote_plugin, move_to_end=False)
        found: dict[str, Any] = {}
        self.lines = re.split(r"\r\n?|\n", text)
        self.tokens = parser.parse(text, found)
        self.links: dict[str, dict[str, Any]] = found.get("references", {})
        self.definitions = [Lines(label, *link["map"]) for label, link in self.links.items()]
        # If a link is defined twice, the first definition counts.
        self.definitions += [Lines("", *link["map"]) for link in found.get("duplicate_refs", [])]
        self.definitions += [
            Lines(f"^{token.meta['label']}", *token.map)
            for token in self.tokens
            if token.type == "footnote_reference_open" and token.map
        ]
        self.sections = list(self._sections())

    def _sections(self) -> Iterator[Lines]:
        headings = [
            (heading.tag, heading.map, _name(title))
            for heading, title in pairwise(self.tokens)
            if heading.map and heading.level == 0 and heading.tag in ("h1", "h2")
        ]
        ends = [begin for _, (begin, _), _ in headings[1:]] + [len(self.lines)]
        for (tag, (_, begin), name), end in zip(headings, ends, strict=True):
            if tag == "h2":
                yield Lines(name, begin, end)

    def versions(self) -> list[str]:
        """Return the versions that have a section, in the order of the file."""
        return [one.name for one in self.sections if is_version(one.name)]

    def section(self, name: str) -> Lines:
        wanted = name.removeprefix("v").lower()
        for section in self.sections:
            if section.name.lower() == wanted:
                return section
        raise Failure(f"CHANGELOG.md has no section on {name}")

    def text(self, name: str) -> str:
        """Return the text of a section, with the definitions of its links and footnotes."""
        section = self.section(name)
        defined = {n for one in self.definitions for n in range(one.begin, one.end)}
        own = [n for n in range(section.begin, section.end) if n not in defined]
        body = "\n".join(self.lines[n] for n in own).strip("\n")
        if not body.strip():
            raise Failure(f"CHANGELOG.md says nothing about {name}")
        needed = sorted(self._needed(section, defined), key=lambda one: one.begin)
        lines = [line for one in needed for line in self.lines[one.begin : one.end]]
        return "\n".join([body, "", *lines]).rstrip()

    def _needed(self, section: Lines, defined: set[int]) -> set[Lines]:
        """Return the definitions that a section uses, directly or through other definitions."""
        needed: set[Lines] = set()
        labels = set(
            _labels(t for t in self.tokens if section.has(t) and t.map and t.map[0] not in defined)
        )
        while new := {one for one in self.definitions if one.name in labels} - needed:
            needed |= new
            labels |= set(_labels(t for t in self.tokens if any(one.has(t) for one in new)))
        return needed

    def has_entries(self, name: str) -> bool:
        """Return whether a section has any content besides headings and comments."""
        section = self.section(name)
        said = [
            token.content.strip()
            for before, token in pairwise(self.tokens)
            if section.has(token) and before.type != "heading_open"
        ]
        return any(text and not text.startswith("<!--") for text in said)

    def with_version(self, version: str, day: date, url: str = "", note: str = "") -> str:
        """Return the text with the unreleased section under a version, which links to `url`.

        If Unreleased links to a comparison with the previous version, both links are updated.
        """
        try:
            unreleased = self.section(UNRELEASED)
        except Failure:
            raise Failure(
                f"CHANGELOG.md has no line '## [{UNRELEASED}]': put it above the versions"
            ) from None
        lines = "\n".join(self.lines).rstrip().split("\n")
        heading = ["", f"## [{version}] - {day}", *(["", note] if note else [])]
        edits = [(unreleased.begin, unreleased.begin, heading)]
        link = self.links.get(UNRELEASED.upper(), {"href": "", "map": (0, 0)})
        base, compare, span = link["href"].rpartition("/compare/")
        old, dots, head = span.partition("...")
        if compare and dots:
            moved = f"[{UNRELEASED}]: {base}{compare}v{version}...{head}"
            edits.append((*link["map"], [moved, f"[{version}]: {base}{compare}{old}...v{version}"]))
        elif url:
            gap = [] if any(one.end == len(lines) for one in self.definitions) else [""]
            edits.append((len(lines), len(lines), [*gap, f"[{version}]: {url}"]))
        # From the last line to the first, so that the line numbers stay valid.
        for begin, end, new in sorted(edits, reverse=True):
            lines[begin:end] = new
        return "\n".join(lines) + "\n"


def _name(title: Token) -> str:
    """Return the name of a heading: 1.2.3 for `[v1.2.3] - 2026-01-31`."""
    text = "".join(one.content for one in title.children or [] if one.type != "html_inline")
    first = (text.split() or [""])[0].strip("[]")
    return re.sub(r"\Av(?=[0-9])", "", first)


def _labels(tokens: Iterable[Token]) -> Iterator[str]:
    """Yield the labels of the links and footnotes in some tokens."""
    for token in tokens:
        if label := token.meta.get("label"):
            yield f"^{label}" if token.type == "footnote_ref" else str(label)
        yield from _labels(token.children or [])
