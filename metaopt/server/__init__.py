"""The pages of studies over HTTP, kept up to date while searches run; read-only."""

__all__ = ["app", "catalogue", "child", "feed", "overview", "run"]
