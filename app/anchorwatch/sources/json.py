"""Any JSON object, of any shape: nothing is read that `source.*.fields` does not name.

    predictions: {topic: payments.scored, format: json, fields: {prediction_id: payment.id, score: p, features: $, ...}}

`format: native` with `fields` reads our own names too, where no other place is given; here a `status` of theirs stays theirs.
`features: $` takes every field of the event that no other place begins with.
"""

from anchorwatch.contract.fields import OF_ROLE
from anchorwatch.sources.base import Format
from anchorwatch.sources.foreign.documents import one_object

FORMAT = Format(fields={role: {} for role in OF_ROLE}, unpack=one_object)
