#pragma once

// A login conversation as a coroutine that does no I/O. It yields what it wants; one driver
// (proxy/drive.cpp) performs the wants for both dialects and both roles and resumes it.
//
//   Machine<ClientLogin> accept_client(...) {
//     Given given = co_yield ReadFrame{&startup_frame, 10000};   // given.frame: one whole frame
//     co_yield Write{ssl_yes()};  co_yield StartTls{};
//     ...
//     co_return login;          // or: co_return fail(FailureKind::..., "...");
//   }
//
// Whatever fails outside (end of stream, deadline) destroys the machine; it is never resumed with
// an error. Parameters of a machine must be taken by value or outlive it.

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "protocol/bytes.hpp"
#include "protocol/certificate.hpp"
#include "protocol/result.hpp"
#include "protocol/secret.hpp"

namespace sluice::protocol {

// How long is the frame that starts here? `have` is what has arrived, possibly too little to tell:
// then nullopt. The answer counts the whole frame with its header, and may exceed what has arrived.
// A header that no correct peer sends is answered with a size over any limit (SIZE_MAX).
using FrameSizer = std::optional<std::size_t> (*)(Bytes have);

struct ReadFrame {
  FrameSizer sizer;
  std::size_t limit;       // bytes; a longer frame ends the login with message_too_large
  std::size_t header = 4;  // bytes that every such frame has and that the sizer needs
};
// Writes that follow each other leave as one, at the latest when the machine wants something else.
// The wants that own memory have constructors because gcc 12 destroys the temporary twice when
// `co_yield Write{function()}` initialises an aggregate.
struct Write {
  explicit Write(Buffer to_write) : bytes(std::move(to_write)) {}
  Buffer bytes;
};
// Bytes that the peer sent before its handshake end the login: they were not protected.
struct StartTls {};
struct FindSecret {
  FindSecret(std::string of_user, std::string in_database)
      : user(std::move(of_user)), database(std::move(in_database)) {}
  std::string user;
  std::string database;
};
// CPU-heavy work (PBKDF2, SHA-crypt, RSA), run off the worker. It must not throw, and touches only
// what the machine owns: the machine stays suspended until it is done.
struct Compute {
  explicit Compute(std::function<void()> to_run) : work(std::move(to_run)) {}
  std::function<void()> work;
};
using Want = std::variant<ReadFrame, Write, StartTls, FindSecret, Compute>;

// What the driver gives back: one field is meaningful, according to the want.
struct Given {
  Bytes frame;  // ReadFrame; valid until the next yield
  std::shared_ptr<const Secret>
      secret;  // FindSecret; never null (an unknown user's has known=false)
  std::optional<PeerCertificate> certificate;  // StartTls of a server: the client's, verified
};

template <typename R>
class [[nodiscard]] Machine {
 public:
  struct promise_type {
    std::optional<Want> want;
    Given given;
    std::optional<Result<R>> result;

    Machine get_return_object() {
      return Machine(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void unhandled_exception() {
      want.reset();
      result.emplace(fail(FailureKind::internal, "internal error during login"));
    }
    void return_value(Result<R> value) {
      want.reset();
      result.emplace(std::move(value));
    }
    struct Resumed {
      promise_type& promise;
      bool await_ready() noexcept { return false; }
      void await_suspend(std::coroutine_handle<>) noexcept {}
      Given await_resume() { return std::move(promise.given); }
    };
    Resumed yield_value(Want next) {
      want.emplace(std::move(next));
      return {*this};
    }
  };

  explicit Machine(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Machine(Machine&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Machine& operator=(Machine&&) = delete;
  ~Machine() {
    if (handle_) {
      handle_.destroy();
    }
  }

  // Runs to the next want; null when the machine has ended and result() is there.
  Want* resume(Given given = {}) {  // NOLINT(performance-unnecessary-value-param): it is moved
    handle_.promise().given = std::move(given);
    handle_.resume();
    auto& want = handle_.promise().want;
    return handle_.done() || !want ? nullptr : &*want;
  }
  Result<R>& result() { return *handle_.promise().result; }

 private:
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace sluice::protocol
