// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {Evidence} from "./Evidence.sol";
import {MerkleTree} from "./MerkleTree.sol";

/// @notice A leaf of the text or of the suffix array, with the hashes beside its way up.
struct Opening {
    bytes leaf;
    bytes32[] siblings;
}

/// @notice One place of the suffix array and the text at the suffix that stands there.
struct Place {
    uint256 place;
    Opening suffix;
    Opening text;
}

/// @notice What a span index commits: `worker/attribution/span-tree.ts`.
struct SpanIndex {
    uint64 symbols;
    uint64 contributions;
    bytes32 textRoot;
    bytes32 suffixRoot;
}

/**
 * @notice Shows that a run of tokens does not occur as often as claimed. Suffixes that begin with the run stand side by
 * side in the suffix array. Two of them too far apart show that there are more; two neighbours of fewer places show that
 * there are less. Numbers are big-endian words of 32 bits; a symbol is a token plus one.
 */
library SpanCounts {
    uint256 private constant TEXT_SYMBOLS = 128;
    uint256 private constant TEXT_OVERLAP = 32;
    uint256 private constant SUFFIX_ENTRIES = 64;
    uint256 private constant WORD = 4;

    error NotTheRun(uint256 place, int256 order);
    error RunTooLong(uint256 tokens);

    /// @notice The root of a span index.
    function rootOf(SpanIndex calldata index) internal pure returns (bytes32) {
        bytes memory head = abi.encodePacked(
            "span index 1: ",
            Strings.toString(index.symbols),
            " symbols, ",
            Strings.toString(index.contributions),
            " contributions\n"
        );
        bytes32 left = keccak256(
            bytes.concat(MerkleTree.NODE, MerkleTree.hashLeaf(head), MerkleTree.hashLeaf(bytes.concat(index.textRoot)))
        );
        return keccak256(bytes.concat(MerkleTree.NODE, left, MerkleTree.hashLeaf(bytes.concat(index.suffixRoot))));
    }

    /// @notice True where two places that hold the run are further apart than `occurrences` allow.
    function areMore(
        SpanIndex calldata index,
        bytes calldata tokens,
        uint256 occurrences,
        Place calldata first,
        Place calldata last
    ) internal pure returns (bool) {
        _requireOrder(index, tokens, first, 0);
        _requireOrder(index, tokens, last, 0);
        return last.place >= first.place && last.place - first.place + 1 > occurrences;
    }

    /**
     * @notice True where the places between one below the run and one above it are fewer than `occurrences`. Of each there
     * is one, or none where the run's suffixes reach to that end of the array.
     */
    function areFewer(
        SpanIndex calldata index,
        bytes calldata tokens,
        uint256 occurrences,
        Place[] calldata below,
        Place[] calldata above
    ) internal pure returns (bool) {
        uint256 from = 0;
        uint256 to = index.symbols;
        if (below.length > 0) {
            _requireOrder(index, tokens, below[0], -1);
            from = below[0].place + 1;
        }
        if (above.length > 0) {
            _requireOrder(index, tokens, above[0], 1);
            to = above[0].place;
        }
        return to < from || to - from < occurrences;
    }

    /// @dev How the suffix at a place stands to the run must be `order`: below it (-1), beginning with it (0), above (1).
    function _requireOrder(SpanIndex calldata index, bytes calldata tokens, Place calldata entry, int256 order)
        private
        pure
    {
        if (tokens.length == 0 || tokens.length > (TEXT_OVERLAP + 1) * WORD) {
            revert RunTooLong(tokens.length / WORD);
        }
        bytes calldata suffixes = entry.suffix.leaf;
        _requireAt(index.suffixRoot, index.symbols, SUFFIX_ENTRIES, entry.place, entry.suffix, "suffixes");
        uint256 start = _word(suffixes, entry.place % SUFFIX_ENTRIES);
        _requireAt(index.textRoot, index.symbols, TEXT_SYMBOLS, start, entry.text, "text");
        int256 found = _compare(entry.text.leaf, 1 + start % TEXT_SYMBOLS, tokens);
        if (found != order) revert NotTheRun(entry.place, found);
    }

    /// @dev Leaves are of equal length but for the last, so the number of a leaf is its place in the tree.
    function _requireAt(
        bytes32 root,
        uint256 count,
        uint256 step,
        uint256 number,
        Opening calldata opening,
        string memory what
    ) private pure {
        uint256 leaves = (count + step - 1) / step;
        if (!MerkleTree.verify(root, leaves, opening.leaf, number / step, opening.siblings)) {
            revert Evidence.NotCommitted(what);
        }
    }

    /// @dev The text ends with the leaf only where it ends altogether, so a run that goes on behind it stands above.
    function _compare(bytes calldata leaf, uint256 from, bytes calldata tokens) private pure returns (int256) {
        uint256 held = leaf.length / WORD;
        for (uint256 i = 0; i < tokens.length / WORD; i++) {
            if (from + i >= held) return -1;
            uint256 symbol = _word(leaf, from + i);
            uint256 wanted = _word(tokens, i) + 1;
            if (symbol != wanted) return symbol < wanted ? -1 : int256(1);
        }
        return 0;
    }

    function _word(bytes calldata words, uint256 number) private pure returns (uint256) {
        return uint32(bytes4(words[number * WORD:number * WORD + WORD]));
    }
}
