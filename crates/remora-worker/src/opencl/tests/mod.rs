//! Sessions with the null driver, both ends of the link in one process.
