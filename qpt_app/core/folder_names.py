"""Names of folders that qpt makes among the user's photos."""

from typing import Final

REJECTED_FOLDER: Final = "_rejected"
"""Where rejects go that are not sent to the trash, inside the folder that was opened. Looking
through a folder does not enter it: what was put away would come back as photos."""
