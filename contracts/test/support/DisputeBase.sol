// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ShareProof, SumProof} from "../../src/Disputes.sol";
import {Share, Way} from "../../src/libraries/Evidence.sol";
import {MerkleTree} from "../../src/libraries/MerkleTree.sol";
import {CitedSpan} from "../../src/libraries/SpanCounts.sol";
import {BatchHeader} from "../../src/types/Batch.sol";
import {Pedigree} from "../../src/types/Model.sol";
import {Param} from "../../src/types/Param.sol";
import {Receipt} from "../../src/types/Receipt.sol";
import {LedgerBase} from "./LedgerBase.sol";
import {Rows} from "./Rows.sol";
import {Settled} from "./Settled.sol";
import {Spans} from "./Spans.sol";
import {Trees} from "./Trees.sol";
import {VM} from "./Vm.sol";

/// @notice What an answer says: the scores of both contributors, by part, and where its run is cited.
struct Said {
    int64[4][2] parts;
    uint32 place;
    uint32 occurrences;
}

/// @notice An adapter with both its indexes, registered, and batches of answers made with it.
abstract contract DisputeBase is LedgerBase {
    string internal constant BASE = "bafybase";
    string internal adapter = "bafyadapter";
    uint32 internal constant SYMBOLS = 140;
    uint256 internal constant WORKER_KEY = 600;

    Spans internal spans;
    bytes32 internal influenceRoot;
    /// What stands above the sums on their way to it.
    bytes32 internal constant INDEX_HEAD = keccak256("head");
    bytes32 internal constant INDEX_ROWS = keccak256("rows");
    /// Coordinates of an answer, and of the sums of two contributors with one and three rows.
    bytes internal query;
    bytes[2] internal vectors;
    uint64[2] internal rows = [uint64(1), 3];
    address[2] internal contributors = [address(0xC1), address(0xC2)];
    /// The run that the answer cites, and how often it occurs.
    uint32[] internal run;
    uint32 internal runFrom;
    uint32 internal occurrences;
    mapping(uint64 number => BatchHeader) internal headerOf;

    function setUpDisputes(uint256 coordinates) internal {
        setUpLedger();
        stakeFor(WORKER_KEY, 1, STAKE_WEI);
        _fillIndexes(coordinates);
        _register(1);
    }

    /// @notice Another adapter, over another text, in whose answers this run is cited.
    function _useSpans(uint32[] memory symbols, uint32[] memory cited_) internal {
        adapter = string.concat(adapter, "x");
        spans = new Spans(symbols);
        _cite(cited_);
        _register(2);
    }

    function _register(uint256 number) private {
        Receipt memory tune = receiptOf(number);
        tune.task = "fine-tune";
        tune.adapter = "";
        tune.output = adapter;
        tune.requester = address(this);
        tune.attribution = exposed.indexesRoot(influenceRoot, spans.root());
        Settled memory placed = settle(tune);
        passTime(WINDOW);
        ledger.finalise(placed.header);
        Pedigree memory pedigree;
        pedigree.owner = address(this);
        models.register(placed.header, tune, placed.index, placed.siblings, pedigree);
    }

    function receiptOf(uint256 number) internal view returns (Receipt memory receipt) {
        receipt.jobId = keccak256(abi.encode("job", number));
        receipt.task = "inference";
        receipt.requester = address(0x4E9);
        receipt.worker = VM.addr(WORKER_KEY);
        receipt.claim = keccak256(abi.encode("claim", number));
        receipt.model = BASE;
        receipt.adapter = adapter;
        receipt.output = "bafyoutput";
    }

    function answer(uint256 number, Said memory said) internal view returns (Receipt memory receipt) {
        receipt = receiptOf(number);
        receipt.attribution = MerkleTree.hashNode(head(), Trees.rootOf(leavesOf(said)));
    }

    /// @notice What an honest answer says.
    function truth() internal view returns (Said memory said) {
        for (uint256 i = 0; i < 2; i++) {
            for (uint256 part = 0; part < 4; part++) {
                bytes memory vector = Rows.part(vectors[i], i + 1, part).coordinates;
                (, int256 product) = exposed.dot(vector, Rows.part(query, 1, part).coordinates);
                said.parts[i][part] = int64(product);
            }
        }
        (said.place, said.occurrences) = (runFrom, occurrences);
    }

    function head() internal view returns (bytes32) {
        return MerkleTree.hashLeaf(exposed.headLeaf(3, 99, Rows.rootOf(query, 1)));
    }

    /// @notice Beside the head: two shares and a span.
    function leavesOf(Said memory said) internal view returns (bytes[] memory leaves) {
        leaves = new bytes[](3);
        leaves[0] = exposed.shareLeaf(shareOf(said, 0));
        leaves[1] = exposed.shareLeaf(shareOf(said, 1));
        leaves[2] = exposed.spanLeaf(said.place, said.occurrences, runBytes());
    }

    function shareOf(Said memory said, uint256 index) internal view returns (Share memory) {
        int64[4] memory parts = said.parts[index];
        bytes memory packed = abi.encodePacked(uint64(parts[0]), uint64(parts[1]), uint64(parts[2]), uint64(parts[3]));
        return Share(contributors[index], rows[index], bytes32(packed));
    }

    function shareProof(Said memory said, uint256 index) internal view returns (ShareProof memory) {
        return ShareProof(3, 99, shareOf(said, index), Trees.wayOf(leavesOf(said), index));
    }

    function sumProof(uint256 index) internal view returns (SumProof memory) {
        Way memory way = _under(_under(Trees.wayOf(sums(), index), INDEX_ROWS), INDEX_HEAD);
        return SumProof(rows[index], way, spans.root());
    }

    function spanWay(Said memory said) internal view returns (Way memory) {
        return _under(Trees.wayOf(leavesOf(said), 2), head());
    }

    function cited(Said memory said) internal view returns (CitedSpan memory) {
        return CitedSpan(said.place, said.occurrences, runBytes());
    }

    /// @notice Posts a batch of this receipt and three others, and shows where it stands.
    function settle(Receipt memory receipt) internal returns (Settled memory) {
        Receipt[] memory receipts = new Receipt[](4);
        (receipts[0], receipts[1]) = (receiptOf(uint256(receipt.jobId) ^ 1), receiptOf(uint256(receipt.jobId) ^ 2));
        (receipts[2], receipts[3]) = (receipt, receiptOf(uint256(receipt.jobId) ^ 3));
        return settle(receipts)[2];
    }

    function settle(Receipt[] memory receipts) internal returns (Settled[] memory settled) {
        (uint64 posted,,, uint256 openWei,) = ledger.progress();
        BatchHeader memory header = leaving(posted + 1, 1 ether, openWei);
        bytes32[] memory leaves = new bytes32[](receipts.length);
        for (uint256 i = 0; i < receipts.length; i++) {
            leaves[i] = exposed.hashReceipt(receipts[i]);
        }
        header.receiptsRoot = Trees.root(leaves);
        header.receiptCount = uint32(receipts.length);
        post(header);
        headerOf[header.number] = header;
        settled = new Settled[](receipts.length);
        for (uint256 i = 0; i < receipts.length; i++) {
            settled[i] = Settled(header, receipts[i], i, Trees.proof(leaves, i));
        }
    }

    function takeBack(Settled memory placed) internal {
        ledger.takeBack(placed.header, headerOf[placed.header.number - 1]);
    }

    function sums() internal view returns (bytes[] memory leaves) {
        leaves = new bytes[](2);
        for (uint256 i = 0; i < 2; i++) {
            leaves[i] = exposed.sumLeaf(contributors[i], rows[i], Rows.rootOf(vectors[i], i + 1));
        }
    }

    function runBytes() internal view returns (bytes memory packed) {
        for (uint256 i = 0; i < run.length; i++) {
            packed = abi.encodePacked(packed, run[i]);
        }
    }

    function bondWei() internal view returns (uint256) {
        return uint256(rules.valueAt(Param.ChallengeBondGwei, rules.epoch())) * 1 gwei;
    }

    function requireFaulty(uint64 number, string memory what) internal view {
        (,, uint64 faulty,,) = ledger.progress();
        equal(faulty, number, what);
    }

    /// @dev Coordinates of a byte in the first sum and of two in the second; a text of five tokens.
    function _fillIndexes(uint256 coordinates) private {
        bytes memory wide = new bytes(2 * coordinates);
        (query, vectors[0]) = (new bytes(coordinates), new bytes(coordinates));
        for (uint256 i = 0; i < coordinates; i++) {
            bytes32 random = keccak256(abi.encode("coordinate", i));
            (query[i], vectors[0][i], wide[2 * i], wide[2 * i + 1]) = (random[0], random[1], random[2], random[3]);
        }
        vectors[1] = wide;
        influenceRoot = _influenceRoot();
        uint32[] memory symbols = new uint32[](SYMBOLS);
        for (uint32 i = 0; i < SYMBOLS; i++) {
            symbols[i] = 1 + uint32(uint256(keccak256(abi.encode("symbol", i))) % 5);
        }
        spans = new Spans(symbols);
        // What stands across the border of two leaves of the text, so that the overlap is read.
        uint32[] memory pair = new uint32[](2);
        (pair[0], pair[1]) = (symbols[127] - 1, symbols[128] - 1);
        _cite(pair);
    }

    function _cite(uint32[] memory tokens) private {
        run = tokens;
        (uint256 from, uint256 count) = spans.find(run);
        (runFrom, occurrences) = (uint32(from), uint32(count));
    }

    function _influenceRoot() internal view returns (bytes32) {
        return MerkleTree.hashNode(INDEX_HEAD, MerkleTree.hashNode(INDEX_ROWS, Trees.rootOf(sums())));
    }

    /// @dev The way goes on on the right of another node.
    function _under(Way memory way, bytes32 left) private pure returns (Way memory longer) {
        uint256 count = way.siblings.length;
        longer = Way(way.path | (1 << count), new bytes32[](count + 1));
        for (uint256 i = 0; i < count; i++) {
            longer.siblings[i] = way.siblings[i];
        }
        longer.siblings[count] = left;
    }
}
