#include "proxy/middleware/address_rules.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "config/cidr.hpp"

namespace sluice::proxy::middleware {
namespace {

using protocol::FailureKind;
using Blocks = std::vector<config::Cidr>;

bool any_holds(const Blocks& blocks, const config::IpAddress& address) {
  return std::any_of(blocks.begin(), blocks.end(),
                     [&](const config::Cidr& block) { return block.contains(address); });
}

class AddressRules final : public Middleware {
 public:
  AddressRules(Blocks allow, Blocks deny) : allow_(std::move(allow)), deny_(std::move(deny)) {}

  std::string_view name() const override { return "address_rules"; }
  Wants wants() const override { return {}; }
  std::unique_ptr<Part> begin(const Place& place) override;

  bool admits(const std::string& text) const {
    if (text.empty()) {
      return true;
    }
    const auto address = config::parse_ip(text);
    return address && !any_holds(deny_, *address) &&
           (allow_.empty() || any_holds(allow_, *address));
  }

 private:
  const Blocks allow_;
  const Blocks deny_;
};

class AddressPart final : public Part {
 public:
  explicit AddressPart(const AddressRules& rules) : rules_(rules) {}

  void on_login(Login& login, Verdict& verdict) override {
    const std::string& address = login.identity.address;
    if (!rules_.admits(address)) {
      verdict.refuse(RefusalReason::address,
                     protocol::fail(FailureKind::address_refused,
                                    "connections from " + address +
                                        " are not allowed here: ask for this address to be added "
                                        "to address_rules"));
    }
  }

 private:
  const AddressRules& rules_;
};

std::unique_ptr<Part> AddressRules::begin(const Place& /*place*/) {
  return std::make_unique<AddressPart>(*this);
}

// Empty: `out` has them all.
std::optional<protocol::Failure> parse_blocks(const std::vector<std::string>& texts, Blocks& out) {
  for (const std::string& text : texts) {
    config::Cidr block;
    if (const auto problem = config::parse_cidr(text, block); !problem.empty()) {
      return protocol::fail(
          FailureKind::internal,
          std::string("address_rules: '").append(text).append("' ").append(problem));
    }
    out.push_back(block);
  }
  return std::nullopt;
}

}  // namespace

Made make(const config::AddressRules& options) {
  Blocks allow;
  Blocks deny;
  if (auto problem = parse_blocks(options.allow, allow)) {
    return std::move(*problem);
  }
  if (auto problem = parse_blocks(options.deny, deny)) {
    return std::move(*problem);
  }
  return std::unique_ptr<Middleware>(
      std::make_unique<AddressRules>(std::move(allow), std::move(deny)));
}

}  // namespace sluice::proxy::middleware
