//! Health-check decisions: rise/fall state machine, schedules, check scripts as steps.
#![forbid(unsafe_code)]
