"""Keep the pages light: scripts without comments, an index without stop words."""

import rjsmin
from sphinx.search.en import SearchEnglish


class English(SearchEnglish):
    """The search sees words in lower case, so "After" is a stop word as well."""

    def word_filter(self, word):
        return super().word_filter(word.lower())


def minify(app, exception):
    """Rewrite the scripts of Sphinx, of the theme and of the guide."""
    if exception or app.builder.format != "html":
        return
    for path in app.outdir.glob("_static/**/*.js"):
        # What "Try it here" runs is built, and hashed, apart.
        if "live" not in path.parts:
            path.write_text(rjsmin.jsmin(path.read_text("utf-8")), "utf-8")


def setup(app):
    app.add_search_language(English)
    app.connect("build-finished", minify)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
