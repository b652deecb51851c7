#include "config/convert/libconfig.hpp"

#include <algorithm>
#include <optional>

namespace sluice::config::convert {
namespace {

constexpr std::size_t kMaxDepth = 32;

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '*';
}
bool is_scalar_byte(char c) {
  return is_name_byte(c) || c == '+' || c == '.';
}

int hex_digit(char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto lower = static_cast<char>(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
  const auto at = kHex.find(lower);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

// The first error sticks, and ends the reading.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Libconfig read() {
    Libconfig out;
    out.root.kind = LibconfigNode::Kind::group;
    settings(out.root, 0);
    if (!failed() && !rest_.empty()) {
      fail("a } without its {");
    }
    out.error = error_;
    return out;
  }

 private:
  bool failed() const { return !error_.text.empty(); }
  void fail(std::string why) {
    if (!failed()) {
      error_ = {std::move(why), line_};
    }
  }

  void advance(std::size_t bytes) {
    line_ +=
        static_cast<int>(std::count(rest_.begin(), rest_.begin() + static_cast<long>(bytes), '\n'));
    rest_.remove_prefix(bytes);
  }

  // Blanks and comments.
  void skip() {
    while (!rest_.empty()) {
      const auto blank = rest_.find_first_not_of(" \t\r\n\f");
      advance(std::min(blank, rest_.size()));
      if (rest_.starts_with('#') || rest_.starts_with("//")) {
        advance(std::min(rest_.find('\n'), rest_.size()));
      } else if (rest_.starts_with("/*")) {
        const auto end = rest_.find("*/", 2);
        if (end == std::string_view::npos) {
          fail("a /* without its */");
          rest_ = {};
          return;
        }
        advance(end + 2);
      } else {
        return;
      }
    }
  }

  bool take(char c) {
    skip();
    if (failed() || !rest_.starts_with(c)) {
      return false;
    }
    advance(1);
    return true;
  }

  template <typename F>
  std::string take_while(const F& wanted) {
    skip();
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), wanted);
    std::string out(rest_.begin(), end);
    advance(out.size());
    return out;
  }

  void settings(LibconfigNode& group, std::size_t depth) {
    for (skip(); !failed() && !rest_.empty() && rest_.front() != '}'; skip()) {
      if (rest_.front() == '@') {
        fail("@include is not followed: convert a file that holds everything");
        return;
      }
      const int line = line_;
      const std::string name = take_while(is_name_byte);
      if (name.empty() || !(take('=') || take(':'))) {
        fail("not `name = value`");
        return;
      }
      LibconfigNode node = value(depth);
      node.name = name;
      node.line = line;
      if (!failed()) {
        group.members.push_back(std::move(node));
      }
      if (!take(';')) {
        take(',');
      }
    }
  }

  LibconfigNode value(std::size_t depth) {
    LibconfigNode out;
    skip();
    out.line = line_;
    if (depth >= kMaxDepth) {
      fail("nested deeper than " + std::to_string(kMaxDepth) + " levels");
    } else if (take('{')) {
      out.kind = LibconfigNode::Kind::group;
      settings(out, depth + 1);
      expect('}');
    } else if (take('(')) {
      list(out, ')', depth);
    } else if (take('[')) {
      list(out, ']', depth);
    } else if (rest_.starts_with('"')) {
      text(out.text);
    } else {
      out.text = take_while(is_scalar_byte);
      if (out.text.empty()) {
        fail("a value is missing");
      }
    }
    return out;
  }

  void list(LibconfigNode& out, char end, std::size_t depth) {
    out.kind = LibconfigNode::Kind::list;
    while (!take(end)) {
      LibconfigNode member = value(depth + 1);
      if (failed()) {
        return;
      }
      out.members.push_back(std::move(member));
      if (!take(',')) {
        expect(end);
        return;
      }
    }
  }

  void expect(char c) {
    if (!take(c)) {
      fail(std::string("a ") + c + " is missing");
    }
  }

  // Texts that follow each other are one.
  void text(std::string& out) {
    for (skip(); !failed() && rest_.starts_with('"'); skip()) {
      std::size_t at = 1;
      while (at < rest_.size() && rest_[at] != '"') {
        at += rest_[at] == '\\' ? escape(rest_.substr(at), out) : plain(rest_[at], out);
      }
      if (at >= rest_.size()) {
        fail("a \" without its end");
        return;
      }
      advance(at + 1);
    }
  }
  static std::size_t plain(char c, std::string& out) {
    out += c;
    return 1;
  }
  // How many bytes it has.
  static std::size_t escape(std::string_view from, std::string& out) {
    constexpr std::string_view kLetters = "nrtf";
    constexpr std::string_view kMeant = "\n\r\t\f";
    if (from.size() < 2) {
      return 1;
    }
    if (from[1] == 'x' && from.size() > 3 && hex_digit(from[2]) >= 0 && hex_digit(from[3]) >= 0) {
      out += static_cast<char>(hex_digit(from[2]) * 16 + hex_digit(from[3]));
      return 4;
    }
    const auto at = kLetters.find(from[1]);
    out += at == std::string_view::npos ? from[1] : kMeant[at];
    return 2;
  }

  std::string_view rest_;
  int line_ = 1;
  SourceError error_;
};

}  // namespace

const LibconfigNode* LibconfigNode::find(std::string_view member) const {
  const auto found =
      std::find_if(members.begin(), members.end(),
                   [member](const LibconfigNode& one) { return one.name == member; });
  return found == members.end() ? nullptr : &*found;
}

Libconfig read_libconfig(std::string_view text) {
  return Reader(text).read();
}

}  // namespace sluice::config::convert
