// What a statement pins, gives back, and did not pin after all.

#include "protocol/mysql/conversation.hpp"
#include "protocol/sql/pins.hpp"

namespace sluice::protocol::mysql {

namespace {

using sql::MysqlStatement;
using enum sql::MysqlTrait;

}  // namespace

void MysqlConversation::add_pins(const MysqlStatement& effects) {
  pins_.add(sql::pins_of(effects));
  handler_ = handler_ || effects.has(handler);
  xa_ = xa_ || effects.has(xa_begin);
  table_locks_ = table_locks_ || effects.has(lock_tables);
  instance_lock_ = instance_lock_ || effects.has(lock_instance);
  named_locks_ = named_locks_ || effects.has(named_lock);
  if (link_->trackers != MysqlLink::Trackers::on && effects.any({set, use, opaque})) {
    pins_.add(Pin::settings);
  }
}

// The statement succeeded: what it gave back no longer pins.
void MysqlConversation::release_pins(const MysqlStatement& effects) {
  if (effects.has(xa_end) && !effects.has(xa_begin)) {
    xa_ = false;
    if (!session_changed_) {
      pins_.remove(Pin::session);
    }
  }
  table_locks_ = table_locks_ && (!effects.has(unlock_tables) || effects.has(lock_tables));
  instance_lock_ = instance_lock_ && (!effects.has(unlock_instance) || effects.has(lock_instance));
  named_locks_ = named_locks_ && (!effects.has(release_locks) || effects.has(named_lock));
  if (!table_locks_ && !instance_lock_ && !named_locks_) {
    pins_.remove(Pin::lock);
  }
}

// A single statement that failed has not made what would have pinned.
void MysqlConversation::take_back_pins() {
  const MysqlStatement& effects = running_->effects;
  for (Pin pin : {Pin::temporary, Pin::prepared, Pin::role}) {
    if (!running_->before.has(pin)) {
      pins_.remove(pin);
    }
  }
  if (effects.any({lock_tables, lock_instance}) && !running_->before.has(Pin::lock)) {
    table_locks_ = instance_lock_ = false;
    if (!named_locks_) {
      pins_.remove(Pin::lock);
    }
  }
  if (effects.has(xa_begin) && !running_->before.has(Pin::session)) {
    xa_ = false;
    pins_.remove(Pin::session);
  }
}

}  // namespace sluice::protocol::mysql
