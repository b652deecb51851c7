// Lists: an element like the one before it is left out.

#include <algorithm>

#include "protocol/sql/characters.hpp"
#include "protocol/sql/normal_text.hpp"
#include "protocol/sql/terms.hpp"

namespace sluice::protocol::sql {

void NormalText::open(char which) {
  flush_signs();
  bool close_up = tight(Last::open, false);
  if (which == '[' && (last_ == Last::word || last_ == Last::close || last_ == Last::literal)) {
    close_up = true;
  } else if (last_ == Last::word) {
    close_up = !is_keyword(term_);
  }
  put(Last::open, {&which, 1}, close_up);
  ++depth_;
  push(true);
}

void NormalText::close(char which) {
  flush_signs();
  fold_element();
  put(Last::close, {&which, 1}, true);
  if (depth_ == 0) {  // it closes nothing
    count_ = 0;
    push(true);
    return;
  }
  bool literal = false;
  while (count_ != 0 && elements_[count_ - 1].depth == depth_) {
    literal = literal || elements_[count_ - 1].literal;
    --count_;
  }
  --depth_;
  if (count_ == 0) {
    push(true);
  }
  elements_[count_ - 1].literal = elements_[count_ - 1].literal || literal;
}

void NormalText::comma() {
  flush_signs();
  fold_element();
  put(Last::comma, ",", true);
  push(false);
}

void NormalText::semicolon() {
  flush_signs();
  fold_element();
  depth_ = 0;
  count_ = 0;
  push(true);
  semicolon_ = last_ != Last::nothing && last_ != Last::semicolon;
  savepoint_ = false;
}

void NormalText::push(bool first) {
  if (count_ == kElements) {
    count_ = kElements / 2;
    std::copy_n(elements_.begin() + kElements / 2, kElements / 2, elements_.begin());
  }
  elements_[count_++] = {out_.size(), depth_, first, false};
}

// Takes the element at the end of out_ away if the one before it is the same.
void NormalText::fold_element() {
  if (full_ || count_ < 2) {
    return;
  }
  const Element& now = elements_[count_ - 1];
  const Element& before = elements_[count_ - 2];
  if (!now.literal || now.first || before.depth != now.depth || !repeats(before, now)) {
    return;
  }
  out_.resize(now.begin - 1);  // and the comma
  --count_;
}

bool NormalText::repeats(const Element& before, const Element& now) const {
  const std::string_view one = std::string_view(out_).substr(now.begin);
  const std::string_view other =
      std::string_view(out_).substr(before.begin, now.begin - 1 - before.begin);
  if (!before.first) {
    return one == other;
  }
  // In front of the first element something else may stand: VALUES, LIMIT.
  if (one.size() < 2 || one.front() != ' ' || !other.ends_with(one.substr(1))) {
    return false;
  }
  const std::size_t begin = other.size() - (one.size() - 1);
  return begin == 0 || (begin >= 2 && other[begin - 1] == ' ' &&
                        in_word(static_cast<std::uint8_t>(other[begin - 2])));
}

}  // namespace sluice::protocol::sql
