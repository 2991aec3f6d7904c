#include "unique_keys.hpp"
#include "utf8.hpp"

#include <vecstore/core/limits.hpp>
#include <vecstore/payload/codec.hpp>
#include <vecstore/payload/view.hpp>

#include <cmath>

namespace vecstore::payload {
namespace {

/// Where the encoder is, as a linked list on its stack; turned into text only when something is wrong.
struct place {
    const place* parent;
    std::string_view key;
    std::size_t index;  // used when the parent is an array
    bool is_index;

    [[nodiscard]] std::string text() const {
        if (!parent) return "payload";
        if (is_index) return parent->text() + "[" + std::to_string(index) + "]";
        return parent->text() + "." + std::string(key);
    }
};

class encoder {
public:
    result<void> put_document(const document& content, const place& at, std::size_t depth) {
        const auto start = open(kind::object, content.size());
        VECSTORE_CHECK(check_depth(at, depth));
        detail::key_set keys;
        for (const auto& [key, inner] : content) {
            const place here{&at, key, 0, false};
            if (!detail::is_utf8(key)) return invalid_argument(at.text() + ": a key is not UTF-8");
            VECSTORE_CHECK(check_room(key.size(), here));
            out_.put_sized(key);
            keys.add(key);
            VECSTORE_CHECK(put(inner, here, depth));
        }
        if (keys.has_duplicates()) return invalid_argument(at.text() + ": two members have the same key");
        close(start);
        return {};
    }

    void put_version() { out_.put(codec_version); }
    byte_vector take() && { return std::move(out_).take(); }

private:
    result<void> put(const value& content, const place& at, std::size_t depth) {
        switch (content.kind()) {
            case kind::array: return put_array(*content.if_array(), at, depth + 1);
            case kind::object: return put_document(*content.if_object(), at, depth + 1);
            default: return put_scalar(content, at);
        }
    }

    result<void> put_array(const value::array& content, const place& at, std::size_t depth) {
        const auto start = open(kind::array, content.size());
        VECSTORE_CHECK(check_depth(at, depth));
        for (std::size_t i = 0; i < content.size(); ++i) VECSTORE_CHECK(put(content[i], {&at, {}, i, true}, depth));
        close(start);
        return {};
    }

    result<void> put_scalar(const value& content, const place& at) {
        const auto text = content.string_or({});
        VECSTORE_CHECK(check_room(text.size(), at));
        out_.put(static_cast<std::uint8_t>(content.kind()));
        if (const auto* flag = content.if_bool()) out_.put(static_cast<std::uint8_t>(*flag));
        if (const auto* integer = content.if_int64()) out_.put(*integer);
        if (const auto* number = content.if_double()) {
            if (!std::isfinite(*number)) return invalid_argument(at.text() + ": the number is not finite");
            out_.put(*number);
        }
        if (content.is_string()) {
            if (!detail::is_utf8(text)) return invalid_argument(at.text() + ": the string is not UTF-8");
            out_.put_sized(text);
        }
        return {};
    }

    std::size_t open(kind tag, std::size_t count) {
        out_.put(static_cast<std::uint8_t>(tag));
        const auto start = out_.size();
        out_.put(std::uint32_t{0});  // the body's size, patched by close
        out_.put(static_cast<std::uint32_t>(count));
        return start;
    }
    void close(std::size_t start) { out_.patch(start, static_cast<std::uint32_t>(out_.size() - start - 4)); }

    static result<void> check_depth(const place& at, std::size_t depth) {
        if (depth <= payload_depth_max) return {};
        return invalid_argument(at.text() + ": nested deeper than " + std::to_string(payload_depth_max));
    }
    /// Asked before each value, so that the buffer never grows much beyond the limit.
    result<void> check_room(std::size_t bytes, const place& at) const {
        if (bytes <= payload_bytes_max && out_.size() <= payload_bytes_max - bytes) return {};
        return invalid_argument(at.text() + ": the payload is larger than " + std::to_string(payload_bytes_max) +
                                " bytes when encoded");
    }

    byte_writer out_;
};

}  // namespace

result<byte_vector> encode(const document& content) {
    encoder out;
    out.put_version();
    VECSTORE_CHECK(out.put_document(content, {nullptr, {}, 0, false}, 1));
    auto bytes = std::move(out).take();
    if (bytes.size() > payload_bytes_max)
        return invalid_argument("payload: " + std::to_string(bytes.size()) + " bytes when encoded, must be at most " +
                                std::to_string(payload_bytes_max));
    return bytes;
}

result<document> decode(byte_span encoded) {
    VECSTORE_TRY(const auto root, view::open(encoded));
    return root.to_document();
}

}  // namespace vecstore::payload
