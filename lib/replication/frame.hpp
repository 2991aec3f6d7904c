/// What goes over a connection: frames, each with its length, kind, term and checksum. Bytes: PROTOCOL.md beside this.
/// Thread safety: functions without state; a reader belongs to one thread.
#pragma once

#include "types.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/core/result.hpp>

#include <cstdint>
#include <optional>

namespace vecstore::replication {

inline constexpr std::uint16_t protocol_version = 1;
inline constexpr std::size_t frame_header_bytes = 24;
/// One record of the largest size, and what stands around it.
inline constexpr std::size_t frame_body_bytes_max = record_bytes_max + 4'096;
/// Before the other side has shown who it is.
inline constexpr std::size_t frame_body_bytes_before_auth = 4'096;

/// What a body means. Values are on the wire, do not renumber. Those of later versions: PROTOCOL.md.
enum class frame_type : std::uint8_t {
    hello = 1,
    refuse = 2,
    proof = 3,
    append = 16,
    append_ok = 17,
    reject = 18,
    heartbeat = 19,
    fence = 20,
    promise = 21,
    fetch = 22,
    fetched = 23,
    hand_over = 24,
    read_index = 64,
    read_index_ok = 65,
};

struct frame {
    std::uint8_t type = 0;  ///< a `frame_type`, or one that this version does not know
    std::uint8_t flags = 0;
    std::uint16_t version = protocol_version;
    std::uint32_t stream = 0;  ///< 0: replication itself
    std::uint64_t term = 0;
    byte_span body;  ///< borrowed from whoever gave the frame
};

/// Appends a frame to `out`: `begin_frame`, then the body, then `end_frame` with what the first gave.
[[nodiscard]] std::size_t begin_frame(byte_writer& out, frame_type type, std::uint64_t term, std::uint32_t stream = 0);
/// Precondition: the body has at most `frame_body_bytes_max` bytes.
void end_frame(byte_writer& out, std::size_t begun);

/// The frame that `bytes` are, all of them.
/// Errors: corruption (too short or long, length, checksum), unsupported (version).
[[nodiscard]] result<frame> parse_frame(byte_span bytes);

/// Cuts a stream of bytes into frames. Takes no more memory than one frame and what was fed last.
class frame_reader {
public:
    /// Largest body from now on; at first that of a stranger.
    void set_limit(std::size_t body_bytes) noexcept { limit_ = body_bytes; }
    void feed(byte_span bytes);
    /// The next frame, or nothing until more has been fed. Its body lives until the next call of any function. After
    /// an error the stream cannot be read further: close the connection.
    /// Errors: resource_exhausted (a body above the limit, seen from its length alone), corruption, unsupported.
    [[nodiscard]] result<std::optional<frame>> next();
    /// The bytes of what `next` gave last, header and body; they live as long as that body.
    [[nodiscard]] byte_span whole() const noexcept { return whole_; }
    [[nodiscard]] std::size_t buffered() const noexcept { return buffer_.size() - at_; }

private:
    byte_vector buffer_;
    std::size_t at_ = 0;  ///< before it everything was given
    byte_span whole_;
    std::size_t limit_ = frame_body_bytes_before_auth;
};

}  // namespace vecstore::replication
