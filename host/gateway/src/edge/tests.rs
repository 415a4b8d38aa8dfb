//! What routes do at the edge, one feature after the other.
