#pragma once

// The conversation of a test about sessions: every chunk of the client is a request that the
// backend answers in one; "begin" opens a transaction and "commit" ends it. A test overrides what
// it is about.

#include <string>

#include "protocol/conversation.hpp"

namespace sluice::proxy {

class ChunkConversation : public protocol::Conversation {
 public:
  void inspect(protocol::Inspector*, std::size_t) override {}
  void welcome(const protocol::Parameters&, const protocol::CancelRequest&,
               protocol::Outbox& to_client) override {
    to_client.own(protocol::Buffer{'w'});
  }
  void from_backend(protocol::Bytes in, protocol::Exchange& out) override {
    outstanding_ = false;
    out.to_client.own(protocol::Buffer(in.begin(), in.end()));
  }
  void attach(protocol::Link&, protocol::Exchange&) override { attached_ = true; }
  bool may_release() const override { return attached_ && !outstanding_ && !open_; }
  protocol::Cleanup detach() override {
    attached_ = false;
    const bool clean = !outstanding_ && !open_;
    return clean ? protocol::Cleanup::none : protocol::Cleanup::close;
  }
  bool outstanding() const override { return outstanding_; }
  bool in_transaction() const override { return open_; }
  bool awaits_client() const override { return false; }
  bool at_rest() const override { return !outstanding_; }
  protocol::Ending refuse(const protocol::Failure&, protocol::Exchange&) override {
    return protocol::Ending::close;
  }
  protocol::Ending backend_lost(const protocol::Failure&, protocol::Exchange&) override {
    attached_ = outstanding_ = open_ = false;
    return protocol::Ending::close;
  }
  // What it is told in the end, it tells the client.
  void farewell(const protocol::Failure& failure, protocol::Outbox& to_client) override {
    to_client.own(protocol::Buffer(failure.text.begin(), failure.text.end()));
  }
  const protocol::SettingsPtr& settings() const override { return settings_; }
  std::uint64_t link_class() const override { return 0; }
  protocol::PinSet pins() const override { return {}; }
  std::size_t prepared_statements() const override { return 0; }

 protected:
  // The chunk goes to the backend, which is there.
  protocol::Need send(protocol::Bytes& in, protocol::Exchange& out) {
    const std::string text(in.begin(), in.end());
    open_ = (open_ || text == "begin") && text != "commit";
    out.to_backend.own(protocol::Buffer(in.begin(), in.end()));
    in = {};
    outstanding_ = true;
    return protocol::Need::input;
  }

  bool attached_ = false;
  bool outstanding_ = false;
  bool open_ = false;

 private:
  protocol::SettingsPtr settings_;
};

}  // namespace sluice::proxy
