flask --app snippets.workarounds.lazy_session run
