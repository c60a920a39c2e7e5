"""What people do, in numbers: steps, repetitions, and angles over one cycle of either.

Angles themselves are in `angles`; the report page is drawn here, the viewers are `viewer`'s.
"""
