#pragma once

// What a backend answers to one command, walked packet by packet while it streams.
//
//   simple   OK | ERR | EOF
//   query    OK | ERR | FB file name | n  column * n  [EOF]  row *  (OK as EOF | EOF | ERR)
//            and once more while the last status says SERVER_MORE_RESULTS_EXISTS
//   prepare  ERR | 00 id cols params  column * params  [EOF]  column * cols  [EOF]
//   fields   column *  EOF            rows  row *  EOF            text  bytes
//
// Only the packets that end something are seen whole; columns and rows pass as borrowed bytes.
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response.html

#include <cstdint>
#include <optional>

#include "protocol/bytes.hpp"
#include "protocol/inspector.hpp"
#include "protocol/mysql/messages.hpp"
#include "protocol/mysql/packet.hpp"
#include "protocol/outbox.hpp"

namespace sluice::protocol::mysql {

enum class ReplyKind : std::uint8_t { simple, query, prepare, fields, rows, text };

struct ReplyOptions {
  std::uint32_t client = 0;        // capabilities of the client
  std::uint32_t backend = 0;       // capabilities of the backend
  std::uint32_t statement_id = 0;  // what a prepared statement is called towards the client
  std::uint16_t status = 0;        // for the EOF that a backend with DEPRECATE_EOF leaves out
  bool forward = false;            // false: the reply is swallowed
  bool show_state = false;         // the client asked for session tracking itself
  bool allow_infile = false;       // a LOCAL INFILE request may reach the client
  bool refuse_open = false;        // an OK that leaves a transaction open becomes an error
  bool capture_rows = false;       // rows are seen whole, for replies of our own
  AnswerLimits limits;             // a reply that goes beyond is cut
};

enum class ReplyEvent : std::uint8_t {
  more,      // all input is consumed
  ok,        // an OK or EOF: ok()
  error,     // an ERR: error(); the reply is over
  infile,    // the server asks for a file; forwarded only if allowed
  prepared,  // the head of a prepare reply: prepared()
  row,       // with capture_rows: row()
  finished,  // the reply is over, without an OK
  limited,   // it went beyond a limit: the client got an ERR, what still comes is swallowed
  broken,    // not what a correct server sends
};

struct Prepared {
  std::uint32_t id = 0;
  std::uint16_t columns = 0;
  std::uint16_t params = 0;
};

class ReplyStream {
 public:
  void start(ReplyKind kind, const ReplyOptions& options);
  // Consumes `in` up to the next event; what goes to the client is written to `out`. The views
  // that belong to an event live until the next call.
  ReplyEvent feed(Bytes& in, Outbox& out);

  bool done() const { return phase_ == Phase::done; }
  bool failed() const { return failed_; }  // it ended with an ERR
  const Ok& ok() const { return ok_; }
  const Err& error() const { return error_; }
  Bytes row() const { return row_; }
  Bytes payload() const { return whole_.subspan(kHeaderSize); }
  Prepared prepared() const { return prepared_; }

  // A file is being sent: the client's packets go to the server, numbered `shift()` lower.
  bool infile() const { return phase_ == Phase::infile; }
  std::uint8_t shift() const { return shift_; }
  // The empty packet that ends the file was sent.
  void file_sent() { phase_ = Phase::first; }

  // Rows that passed to the client, and those that its OKs say were changed.
  std::uint64_t rows() const { return rows_ + changed_; }
  std::uint64_t bytes() const { return bytes_; }  // of the rows that passed, with their headers
  // The client has had its ERR, although the server has not ended the reply.
  bool cut() const { return cut_; }
  // The client got an ERR in the place of the OK that ended the reply: see refuse_open.
  bool refused() const { return refused_; }

  // Anything has been written to the client for this reply.
  bool started() const { return started_; }
  // The client has seen whole packets only; the next one is numbered next_sequence().
  bool at_boundary() const { return !streaming_; }
  std::uint8_t next_sequence() const { return next_; }

 private:
  enum class Phase : std::uint8_t {
    first,
    columns,
    columns_end,
    rows,
    params,
    params_end,
    prepared_columns,
    prepared_columns_end,
    fields,
    text,
    infile,
    done,
  };
  enum class Look : std::uint8_t { whole, stream, bad };

  Look look(std::uint32_t length, std::uint8_t first) const;
  bool ends_rows(std::uint32_t length, std::uint8_t first) const;
  struct Rows {
    Bytes bytes;
    std::uint64_t count = 0;
    std::uint8_t last = 0;  // sequence
  };
  Rows plain_rows(Bytes in) const;
  void pass_rows(Bytes& in, Outbox& out);
  bool beyond_limits(std::uint32_t length) const;
  void cut(Outbox& out);
  bool collect(Bytes& in, std::size_t size);
  void release_held();
  bool begin_stream(Bytes& in, Outbox& out, PacketHeader header);
  void stream_payload(Bytes& in, Outbox& out);
  bool end_of_packet(Outbox& out);
  void after_definitions(Outbox& out, bool more_follow);
  void next_prepare_phase(Outbox& out, bool params_done);

  ReplyEvent decide(Outbox& out);
  ReplyEvent first_packet(std::uint8_t first, Outbox& out);
  ReplyEvent terminator(std::uint8_t first, Outbox& out);
  ReplyEvent definitions_end(Outbox& out);
  ReplyEvent error_packet(Outbox& out);
  ReplyEvent prepare_head(Outbox& out);
  ReplyEvent column_count(Outbox& out);

  bool deprecated(std::uint32_t capabilities) const;
  void forward_whole(Outbox& out);
  void forward_ok(std::uint8_t first, Outbox& out);
  std::optional<std::uint8_t> replace();
  void write_ok(std::uint32_t capabilities, OkLead lead, Outbox& out);
  void insert_eof(Outbox& out);
  void insert_pending_eof(Outbox& out);

  ReplyOptions options_;
  Ok ok_;
  Err error_;
  Bytes row_;
  Bytes whole_;  // the packet that is looked at, with its header
  Buffer held_;  // its bytes, when it came in more than one piece
  Prepared prepared_;
  std::uint64_t remaining_ = 0;  // definitions left
  std::uint64_t rows_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t changed_ = 0;
  std::uint32_t left_ = 0;  // bytes of the streamed packet left
  ReplyKind kind_ = ReplyKind::simple;
  Phase phase_ = Phase::done;
  std::uint8_t shift_ = 0;  // client's numbers minus the server's
  std::uint8_t next_ = 1;
  bool streaming_ = false;    // inside a packet that passes
  bool full_ = false;         // ... whose length says that it continues
  bool continued_ = false;    // the next physical packet belongs to the one before
  bool pending_eof_ = false;  // an EOF after the columns is owed to the client
  bool held_used_ = false;
  bool started_ = false;
  bool failed_ = false;
  bool cut_ = false;
  bool refused_ = false;
};

}  // namespace sluice::protocol::mysql
