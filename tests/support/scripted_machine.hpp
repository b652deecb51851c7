#pragma once

// A scripted peer for a machine: what it must write, in order, and the frames that it is given.
//
//   Script<ClientLogin> script;
//   script.give(startup).give_secret(secret).expect_write(request).give(answer).expect_write(ok);
//   Result<ClientLogin> login = script.play(accept_client({}));
//
// fails_at_every_step() plays the script again and again with one frame damaged each time: the
// machine must never succeed, never crash, and never accept a frame whose length is a lie.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/machine.hpp"

namespace sluice::tests {

template <typename R>
class Script {
 public:
  using Bytes = protocol::Bytes;
  using Buffer = protocol::Buffer;
  using Check = std::function<void(Bytes written)>;
  using Answer = std::function<Buffer(Bytes written)>;  // a frame that depends on the last write

  Script& expect_write(Buffer exact) {
    return expect_write(
        [exact](Bytes written) { EXPECT_EQ(Buffer(written.begin(), written.end()), exact); });
  }
  Script& expect_write(Check check) { return add({Kind::write, std::move(check), {}, {}}); }
  Script& expect_any_write() {
    return expect_write([](Bytes written) { EXPECT_FALSE(written.empty()); });
  }
  // The client shows `certificate`, if any.
  Script& expect_tls(std::optional<protocol::PeerCertificate> certificate = std::nullopt) {
    return add({Kind::tls, {}, {}, {}, std::move(certificate)});
  }
  Script& give(Buffer frame) {
    return give([frame](Bytes) { return frame; });
  }
  Script& give(Answer answer) { return add({Kind::frame, {}, std::move(answer), {}}); }
  Script& give_secret(protocol::Secret secret) {
    return add({Kind::secret, {}, {}, std::make_shared<const protocol::Secret>(std::move(secret))});
  }

  // Plays all steps; the machine must then end.
  protocol::Result<R> play(protocol::Machine<R> machine) {
    Play game(machine);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (!game.perform(steps_[i], nullptr)) {
        ADD_FAILURE() << "step " << i << " is not what the machine wants";
        return protocol::fail(protocol::FailureKind::internal, "the script does not fit");
      }
    }
    if (game.want() != nullptr) {
      ADD_FAILURE() << "the machine goes on after the script";
      return protocol::fail(protocol::FailureKind::internal, "the script is too short");
    }
    return std::move(machine.result());
  }

  using MakeScript = std::function<Script()>;
  using MakeMachine = std::function<protocol::Machine<R>()>;
  // Makes the length in a header say what the frame's size is.
  using Relength = std::function<void(Buffer& frame)>;

  static void fails_at_every_step(const MakeScript& script, const MakeMachine& machine,
                                  const Relength& relength) {
    std::size_t steps = script().steps_.size();
    for (std::size_t step = 0; step < steps; ++step) {
      for (std::size_t damage = 0; damage_one(script(), machine(), relength, {step, damage});
           ++damage) {
      }
    }
  }

 private:
  enum class Kind { write, tls, frame, secret };
  struct Step {
    Kind kind;
    Check check;
    Answer answer;
    std::shared_ptr<const protocol::Secret> secret;
    std::optional<protocol::PeerCertificate> certificate = std::nullopt;
  };
  struct Place {
    std::size_t step;
    std::size_t damage;
  };
  using Damage = std::function<void(Buffer& frame)>;

  // One run of one machine.
  class Play {
   public:
    explicit Play(protocol::Machine<R>& machine) : machine_(machine) {}

    // The next want that is not computing; null when the machine has ended.
    protocol::Want* want() {
      if (!pending_) {
        want_ = machine_.resume(std::exchange(given_, {}));
        while (want_ != nullptr && std::holds_alternative<protocol::Compute>(*want_)) {
          std::get<protocol::Compute>(*want_).work();
          want_ = machine_.resume();
        }
        pending_ = want_ != nullptr;
      }
      return want_;
    }

    bool perform(const Step& step, const Damage* damage) {
      protocol::Want* wanted = want();
      if (wanted == nullptr || kind_of(*wanted) != step.kind) {
        return false;
      }
      pending_ = false;
      if (auto* write = std::get_if<protocol::Write>(wanted)) {
        written_ = write->bytes;
        step.check(written_);
      } else if (auto* read = std::get_if<protocol::ReadFrame>(wanted)) {
        frame_ = step.answer(written_);
        if (damage != nullptr) {
          (*damage)(frame_);
        } else {
          EXPECT_EQ(read->sizer(frame_), std::optional(frame_.size()));
          EXPECT_LE(frame_.size(), read->limit);
        }
        given_.frame = frame_;
      } else if (step.kind == Kind::secret) {
        given_.secret = step.secret;
      } else if (step.kind == Kind::tls) {
        given_.certificate = step.certificate;
      }
      return true;
    }

    // Lets the machine finish on its own: true when it ended, false when it wants more input.
    bool finish() {
      while (protocol::Want* wanted = want()) {
        if (!std::holds_alternative<protocol::Write>(*wanted)) {
          return false;
        }
        pending_ = false;
      }
      return true;
    }

   private:
    static Kind kind_of(const protocol::Want& wanted) {
      if (std::holds_alternative<protocol::Write>(wanted)) {
        return Kind::write;
      }
      if (std::holds_alternative<protocol::StartTls>(wanted)) {
        return Kind::tls;
      }
      return std::holds_alternative<protocol::ReadFrame>(wanted) ? Kind::frame : Kind::secret;
    }

    protocol::Machine<R>& machine_;
    protocol::Want* want_ = nullptr;
    bool pending_ = false;
    protocol::Given given_;
    Buffer written_;
    Buffer frame_;
  };

  Script& add(Step step) {
    steps_.push_back(std::move(step));
    return *this;
  }

  // The damage number `place.damage` of a frame; lies says that its length is not the header's.
  static void spoil(Buffer& frame, std::size_t number, const Relength& relength, bool& lies) {
    std::size_t cuts = frame.size();
    lies = number < cuts;
    if (number < cuts) {
      frame.resize(number);
    } else if (number < 2 * cuts) {
      frame.resize(number - cuts);
      relength(frame);
    } else if (number == 2 * cuts) {
      std::fill(frame.begin(), frame.end(), 0);
    } else if (number == 2 * cuts + 1) {
      std::fill(frame.begin(), frame.end(), 0xFF);
    } else if (number == 2 * cuts + 2) {
      frame.push_back('x');
      relength(frame);
    } else {
      frame.assign(60000, 0xA5);
      relength(frame);
    }
  }

  // False when there is no damage with this number.
  static bool damage_one(Script script, protocol::Machine<R> machine, const Relength& relength,
                         Place place) {
    if (script.steps_[place.step].kind != Kind::frame) {
      return false;
    }
    Play game(machine);
    for (std::size_t i = 0; i < place.step; ++i) {
      if (!game.perform(script.steps_[i], nullptr)) {
        ADD_FAILURE() << "step " << i << " is not what the machine wants";
        return false;
      }
    }
    bool lies = false;
    bool more = false;
    Damage damage = [&](Buffer& frame) {
      more = place.damage < 2 * frame.size() + 3;
      spoil(frame, place.damage, relength, lies);
    };
    EXPECT_TRUE(game.perform(script.steps_[place.step], &damage));
    bool ended = game.finish();
    EXPECT_TRUE(ended || !lies) << "a cut frame was accepted at step " << place.step;
    EXPECT_FALSE(ended && machine.result().ok()) << "success at step " << place.step;
    return more;
  }

  std::vector<Step> steps_;
};

}  // namespace sluice::tests
