"""Throw-away servers, clients and sluice itself, for the tests, the benchmark and ./dev run.

Standard library only. Everything listens on 127.0.0.1, lives in one scratch folder, runs as an
unprivileged user and is stopped by process id.
"""
