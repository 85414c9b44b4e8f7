//! Positions on the globe and distances between them.
