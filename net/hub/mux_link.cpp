#include "net/hub/mux_link.h"

#include <algorithm>
#include <cstring>

namespace parley::net {

void MuxLink::give_read_already() {
  if (!reader_ || gone()) return;
  const std::size_t bytes = std::min(read_already_.size(), read_to_.size());
  std::memcpy(read_to_.data(), read_already_.data(), bytes);
  read_already_.erase(0, bytes);
  if (read_already_.empty()) std::string().swap(read_already_);
  reader_({}, bytes);
}

void MuxLink::on_readable() {
  if (!reader_) return;
  const IoResult result = read(static_cast<char*>(read_to_.data()), read_to_.size());
  switch (result.state) {
    case IoResult::State::blocked:
      return wait_again(result.wait);
    case IoResult::State::done:
      return reader_({}, result.bytes);
    case IoResult::State::ended:
      return reader_(boost::asio::error::eof, 0);
    case IoResult::State::failed:
      return reader_(boost::asio::error::connection_reset, 0);
  }
}

void MuxLink::on_written() {
  if (!writer_) return;
  writer_({}, writer_bytes_);
}

void MuxLink::fail_pending() {
  if (reader_) reader_(boost::asio::error::operation_aborted, 0);
  if (writer_) writer_(boost::asio::error::operation_aborted, 0);
}

}  // namespace parley::net
