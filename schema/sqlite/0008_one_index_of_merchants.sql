-- A merchant's payments in every state are those in each state, merged; an index of merchants alone had every new
-- payment change one more page, each of another merchant, at a place of its own.
DROP INDEX payment_by_merchant;
