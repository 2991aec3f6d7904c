// Files of payload indexes against their manifest.
#include <collection/upkeep/check.hpp>
#include <field_index/segment.hpp>

namespace vecstore::detail {

/// They are derived: what is wrong with one is that it will be made anew.
result<void> collection_checker::check_fields() {
    VECSTORE_CHECK(port_.walk("fields", [&](byte_span key, byte_span value) -> result<void> {
        ++counts_.entries;
        const auto listed = parse_field_manifest(key, value);
        if (!listed || find(listed->collection) == nullptr)
            table_fault(collection_fault::tables, "an entry of the manifest does not parse, or is of no collection",
                        "fields");
        else if (listed->number != 0)
            runs_.push_back(*listed);
        return {};
    }));
    for (const auto& listed : runs_) {
        const auto path = run_path(field_directory(port_.root, listed.collection), listed.number);
        auto opened = field_index::segment::open(port_.files, path, listed.index, storage::verify_mode::footer);
        auto state = opened ? result<void>() : result<void>(opened.error());
        if (opened && (*opened)->file().root() != listed.root)
            state = corruption("another file than the manifest names", path, 0);
        if (!state) {
            const auto code = state.error().code;
            if (code != errc::corruption && code != errc::not_found && code != errc::unsupported) return state;
            port_.fault(collection_fault::field_index, corruption(state.error().message, path, state.error().offset));
            continue;
        }
        ++counts_.indexes;
        VECSTORE_CHECK(check_blocks((*opened)->file(), collection_fault::field_index));
    }
    return {};
}

}  // namespace vecstore::detail
