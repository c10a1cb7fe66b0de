"""Our own events under other names: `format: native` with `fields`. What has no other place is read where ours has it."""

from anchorwatch.contract.fields import OF_ROLE
from anchorwatch.sources.base import Format
from anchorwatch.sources.foreign.documents import one_object

FORMAT = Format(fields={role: {name: name for name in sorted(names)} for role, names in OF_ROLE.items()}, unpack=one_object)
