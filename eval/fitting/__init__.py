"""Learning how to fuse scorers, and when to send: the work behind ``sticker fuse``.

Read in order: `scored` (what every scorer said, kept on disk), `pools` (arrays of it), `designs`, `logit`
and `gate` (one fit), `methods` (what is chosen from), `nested` (held-out results), `decide` (when to send),
`fuse` (all of it).
"""
