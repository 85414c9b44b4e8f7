//! REST, gRPC and live streams over one service layer.
