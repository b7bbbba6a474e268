"""``python -m backends.formaops`` serves FormaOps; its worker is ``python -m backends.formaops.worker``."""

from __future__ import annotations

from ..common.service import main
from .app import create_app
from .options import load

if __name__ == "__main__":
    main(load, create_app)
