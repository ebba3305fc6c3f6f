"""Archives: a version of a bounty's model as one zip file, made in a folder that is removed once it was sent."""

import shutil
import tempfile
from pathlib import Path

from evenhand.core.errors import SpecError
from evenhand.server.bounties import Bounties
from evenhand.server.problems import Refused


def archived(bounties: Bounties, name: str, version: int | None) -> tuple[Path, Path]:
    """The zip file of the model, and the folder to remove; raises Refused (404) for a version that there is not."""
    from evenhand.bounty.afterwards.delivering import deliver

    folder = bounties.folder(name)
    made = Path(tempfile.mkdtemp(prefix="evenhand-model-"))
    try:
        deliver(folder, bounties.store, made / name, sandbox=bounties.sandbox(), version=version)
        return Path(shutil.make_archive(str(made / "model"), "zip", made, name)), made
    except SpecError as error:
        shutil.rmtree(made, ignore_errors=True)
        raise Refused(404, str(error)) from None
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
