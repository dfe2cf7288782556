//! Whole-system tests: the program as it is shipped, real Chromium, a local site. One binary, one harness.
