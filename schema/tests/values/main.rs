//! Values one by one: what is read, what is refused, and what survives being written and read again.

mod api_keys;
mod card_number;
mod currency;
mod ids;
mod money;
mod pg_answers;
mod pg_requests;
mod problems;
mod rendering;
mod rules;
mod status;
mod text;
mod time;
