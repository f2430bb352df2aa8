"""The lint for words finds a planted one."""

import pytest

from tools import words


def test_a_planted_word(tmp_path, monkeypatch):
    claims = 'checked = ["page.md"]\n[words]\n"take out" = "remove"\n'
    (tmp_path / "words.toml").write_text(claims)
    (tmp_path / "page.md").write_text("You can\n\nTake\nout a line.\n")
    monkeypatch.setattr(words, "CLAIMS", tmp_path)
    monkeypatch.setattr(words, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match=r"page\.md:3: 'Take out': better: remove"):
        words.main()
    (tmp_path / "page.md").write_text("You can remove a line.\n")
    words.main()
