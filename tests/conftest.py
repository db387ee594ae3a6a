"""What all tests share: no time limit on a property test's example, since machines are shared and slow at times."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
