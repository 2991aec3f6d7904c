#include "unique_keys.hpp"
#include "utf8.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/view.hpp>

#include <cmath>
#include <optional>

namespace vecstore::payload {
namespace {

/// Walks a buffer that may hold anything. `fault` is set once; every step returns false from then on.
class checker {
public:
    explicit checker(byte_span bytes) noexcept : bytes_(bytes) {}

    /// Checks the node at `from`, which must end at or before `end`; gives the offset behind it.
    bool node(std::size_t from, std::size_t end, std::size_t depth, std::size_t& behind) {
        byte_reader in(bytes_.subspan(from, end - from));
        const auto tag = in.get<std::uint8_t>();
        if (in.failed()) return fail(from, "a value is missing");
        if (tag > static_cast<std::uint8_t>(kind::object)) return fail(from, "unknown tag " + std::to_string(tag));
        switch (static_cast<kind>(tag)) {
            case kind::null: break;
            case kind::boolean:
                if (in.get<std::uint8_t>() > 1) return fail(from, "a boolean is neither 0 nor 1");
                break;
            case kind::int64: (void)in.get<std::int64_t>(); break;
            case kind::float64:
                if (!std::isfinite(in.get<double>())) return fail(from, "a number is not finite");
                break;
            case kind::string:
                if (!detail::is_utf8(as_text(in.get_sized()))) return fail(from, "a string is not UTF-8");
                break;
            case kind::array:
            case kind::object: {
                const auto body = in.get_sized();
                if (in.failed()) break;
                if (!container(static_cast<kind>(tag), from + 5, from + 5 + body.size(), depth + 1)) return false;
                break;
            }
        }
        if (in.failed()) return fail(from, "a value is cut short");
        behind = from + in.position();
        return true;
    }

    /// Precondition: the fault was found.
    [[nodiscard]] error take_fault() { return *std::move(fault_); }

private:
    bool container(kind tag, std::size_t from, std::size_t end, std::size_t depth) {
        if (depth > payload_depth_max) return fail(from, "nested too deep");
        if (end - from < 4) return fail(from, "a count is cut short");
        const auto count = load_le<std::uint32_t>(bytes_.data() + from);
        detail::key_set keys;
        auto at = from + 4;
        for (std::uint32_t i = 0; i < count; ++i) {
            if (tag == kind::object) {
                byte_reader in(bytes_.subspan(at, end - at));
                const auto key = as_text(in.get_sized());
                if (in.failed()) return fail(at, "a key is cut short");
                if (!detail::is_utf8(key)) return fail(at, "a key is not UTF-8");
                keys.add(key);
                at += in.position();
            }
            if (!node(at, end, depth, at)) return false;
        }
        if (at != end) return fail(at, "bytes behind the last element");
        return !keys.has_duplicates() || fail(from, "two members have the same key");
    }

    bool fail(std::size_t offset, const std::string& reason) {
        fault_ = corruption("payload, byte " + std::to_string(offset) + ": " + reason, {}, offset);
        return false;
    }

    byte_span bytes_;
    std::optional<error> fault_;
};

}  // namespace

result<view> view::open(byte_span encoded) {
    if (encoded.empty()) return view();
    const auto bad = [](std::size_t offset, std::string_view reason) {
        return corruption("payload, byte " + std::to_string(offset) + ": " + std::string(reason), {}, offset);
    };
    if (encoded.size() > payload_bytes_max) return bad(0, "larger than any payload");
    if (encoded[0] != std::byte{codec_version}) return bad(0, "unknown version");
    if (encoded.size() < 2 || encoded[1] != static_cast<std::byte>(payload::kind::object))
        return bad(1, "the root is no object");
    checker check(encoded);
    std::size_t end = 0;
    if (!check.node(1, encoded.size(), 0, end)) return check.take_fault();
    if (end != encoded.size()) return bad(end, "bytes behind the root");
    return view(encoded.data() + 1);
}

value view::to_value() const {
    switch (kind()) {
        case payload::kind::null: return {};
        case payload::kind::boolean: return boolean();
        case payload::kind::int64: return int64();
        case payload::kind::float64: return float64();
        case payload::kind::string: return string();
        case payload::kind::array: {
            value::array items;
            items.reserve(size());
            for (const auto element : elements()) items.push_back(element.to_value());
            return items;
        }
        case payload::kind::object: return to_document();
    }
    return {};
}

document view::to_document() const {
    document content;
    content.reserve(size());
    for (const auto& [key, inner] : members()) content.append(std::string(key), inner.to_value());
    return content;
}

}  // namespace vecstore::payload
