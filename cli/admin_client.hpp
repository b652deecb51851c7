#pragma once

// Speaks to the admin socket or port of a running sluice: JSON over HTTP, one request at a time,
// each answered within kAdminTimeout or failed.

#include <boost/json/value.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace CLI {
class App;
}

namespace sluice::cli {

constexpr auto kAdminTimeout = std::chrono::seconds(10);

struct AdminAddress {
  bool tls = false;
  std::string host;
  std::string port;
  std::string unix_path;  // not empty: the others are not used
};

// unix:/path, http://host:port or https://host:port.
protocol::Result<AdminAddress> parse_admin_address(std::string_view text);
std::string to_string(const AdminAddress& address);

// What the commands that speak to a running sluice have in common on the command line.
struct AdminOptions {
  std::string address;  // --admin, or $SLUICE_ADMIN
  std::string config;   // -c: the file that names admin.socket or admin.http
  std::string user;     // --user, or $SLUICE_ADMIN_USER; the socket asks for none
  // --ca-file, or $SLUICE_ADMIN_CA_FILE: what https is verified by; "" = the system's
  std::string ca_file;
};
void add_admin_options(CLI::App& command, AdminOptions& options);
void add_admin_place(CLI::App& command, AdminOptions& options);  // of them --admin and -c

struct Login {
  std::string user;
  std::string password;
};

// What came back, whatever its status.
struct AdminAnswer {
  unsigned status = 0;
  std::string body;
};

// Whether https must prove whose it is: always, where a password is sent.
enum class Proof { wanted, none };

class AdminClient {
 public:
  AdminClient(AdminAddress address, Login login, std::string ca_file, Proof proof = Proof::wanted);
  ~AdminClient();
  AdminClient(AdminClient&&) noexcept;
  AdminClient& operator=(AdminClient&&) noexcept;

  const AdminAddress& address() const { return address_; }
  // What stands in the answer, an object. Fails with the server's own words, or with why it cannot
  // be reached; unreachable() tells the two apart.
  protocol::Result<boost::json::value> get(const std::string& path);
  protocol::Result<boost::json::value> post(const std::string& path,
                                            const boost::json::value& body);
  // A page that is no JSON. Fails only with why nobody answers.
  protocol::Result<AdminAnswer> page(const std::string& path);
  // The last request found nobody who answers; one whose certificate is not trusted is somebody.
  bool unreachable() const { return unreachable_; }

 private:
  class Line;  // the connection, kept between requests
  protocol::Result<boost::json::value> ask(const std::string& method, const std::string& path,
                                           const std::string& body);
  protocol::Result<AdminAnswer> send(const std::string& method, const std::string& path,
                                     const std::string& body);

  AdminAddress address_;
  Login login_;
  std::string ca_file_;
  Proof proof_;
  std::unique_ptr<Line> line_;
  bool unreachable_ = false;
};

// Finds the address, and asks for a password where one is needed: $SLUICE_ADMIN_PASSWORD, else the
// terminal; never the command line.
protocol::Result<AdminClient> make_admin_client(const AdminOptions& options);
// For the pages that everybody may see: it says nothing of who asks, and takes any certificate
// unless there is a ca_file.
protocol::Result<AdminClient> make_nameless_client(const AdminOptions& options);

}  // namespace sluice::cli
