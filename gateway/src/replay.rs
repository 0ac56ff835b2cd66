//! A request body that can be sent again while no more than its bound has gone out.
