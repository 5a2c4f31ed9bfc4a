// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ModelRegistry} from "../src/ModelRegistry.sol";
import {Models} from "../src/libraries/Models.sol";
import {BatchHeader} from "../src/types/Batch.sol";
import {Model, Pedigree} from "../src/types/Model.sol";
import {Receipt} from "../src/types/Receipt.sol";
import {RegistryBase} from "./support/RegistryBase.sol";
import {MockLedger} from "./support/RegistryMocks.sol";
import {Trees} from "./support/Trees.sol";
import {VM} from "./support/Vm.sol";

contract ModelRegistryTest is RegistryBase {
    address private constant OWNER = address(0xA11CE);
    string private constant ADAPTER = "bafyreigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";

    Receipt[] private _receipts;
    string[] private _parents;

    function setUp() public {
        deployRegistries();
        for (uint256 i = 0; i < 3; i++) {
            _receipts.push(_receipt(i, i == 1 ? "inference" : "fine-tune"));
        }
        batches.setFinal(_header(1));
    }

    function test_registersByProof() public {
        uint256 datanetId = datanets.create("docs", "MIT", 0);
        datanets.publish(datanetId, versionOf(keccak256("a"), 10));
        _parents = ["bafyparent", "bafyother"];
        models.register(_header(1), _receipts[2], 2, _proof(2), Pedigree(OWNER, uint64(datanetId), 1, 7, _parents));
        Model memory known = models.model(_receipts[2].output);
        require(known.owner == OWNER && known.jobId == _receipts[2].jobId && known.batch == 1, "model");
        require(keccak256(bytes(known.base)) == keccak256("base"), "base");
        require(known.datanetId == datanetId && known.datanetVersion == 1, "datanet");
        require(known.parents.length == 2 && known.parents[1] == keccak256("bafyother"), "parents");
        require(models.indexRootOf(_hash(2)) == _receipts[2].attribution, "index root");
        equal(models.feeWeiAt(_hash(2), params.epoch()), 7, "fee");
        require(models.indexRootOf(_hash(0)) == 0, "no model, no root");
    }

    function test_letsTheFirstRegistrationStand() public {
        _register(0, OWNER);
        VM.recordLogs();
        _register(0, address(0xB0B));
        equal(VM.getRecordedLogs().length, 0, "events");
        require(models.model(_receipts[0].output).owner == OWNER, "owner");
    }

    function test_refusesABatchThatIsNotFinal() public {
        bytes32[] memory siblings = _proof(0);
        BatchHeader memory open = _header(2);
        VM.expectRevert(abi.encodeWithSelector(MockLedger.NotFinal.selector, 2));
        models.register(open, _receipts[0], 0, siblings, _pedigree(OWNER));
    }

    function test_refusesAnyoneButTheRequester() public {
        bytes32[] memory siblings = _proof(0);
        BatchHeader memory header = _header(1);
        VM.prank(OWNER);
        VM.expectRevert(abi.encodeWithSelector(ModelRegistry.NotRequester.selector, address(this), OWNER));
        models.register(header, _receipts[0], 0, siblings, _pedigree(OWNER));
    }

    function test_refusesAnInference() public {
        bytes memory refusal = abi.encodeWithSelector(ModelRegistry.NotFineTune.selector, _receipts[1].jobId);
        _refuse(_receipts[1], 1, _proof(1), _pedigree(OWNER), refusal);
    }

    function test_refusesNobodyAsOwner() public {
        bytes memory refusal = abi.encodeWithSelector(ModelRegistry.NoOwner.selector, _receipts[0].jobId);
        _refuse(_receipts[0], 0, _proof(0), _pedigree(address(0)), refusal);
    }

    function test_refusesForgedReceipts() public {
        Receipt memory forged = _receipts[0];
        forged.output = "bafyreimine";
        Pedigree memory pedigree = _pedigree(OWNER);
        _refuse(forged, 0, _proof(0), pedigree, _badProof(0));
        forged = _receipts[0];
        forged.attribution = keccak256("another index");
        _refuse(forged, 0, _proof(0), pedigree, _badProof(0));
        _refuse(_receipts[0], 0, _proof(2), pedigree, _badProof(0));
        _refuse(_receipts[0], 3, _proof(0), pedigree, _badProof(3));
        _refuse(_receipts[0], 2, _proof(2), pedigree, _badProof(2));
    }

    function test_refusesADatanetVersionThatThereIsNot() public {
        Pedigree memory pedigree = _pedigree(OWNER);
        pedigree.datanetId = 1;
        bytes memory refusal = abi.encodeWithSelector(ModelRegistry.NoVersion.selector, 1, 0);
        _refuse(_receipts[0], 0, _proof(0), pedigree, refusal);
        (pedigree.datanetId, pedigree.datanetVersion) = (0, 1);
        refusal = abi.encodeWithSelector(ModelRegistry.NoVersion.selector, 0, 1);
        _refuse(_receipts[0], 0, _proof(0), pedigree, refusal);
    }

    function test_refusesParentsThatCanBeNone() public {
        string[4] memory wrong = ["", "base", _receipts[0].output, string(new bytes(112))];
        for (uint256 i = 0; i < wrong.length; i++) {
            _parents = ["bafyparent", wrong[i]];
            _refuseParent(1);
        }
        _parents = ["bafyparent", "bafyother", "bafyparent"];
        _refuseParent(2);
        _parents = new string[](9);
        bytes memory refusal = abi.encodeWithSelector(Models.TooManyParents.selector, 9, 8);
        _refuse(_receipts[0], 0, _proof(0), _pedigree(OWNER), refusal);
    }

    function test_aFeeCountsFromTheNextEpoch() public {
        _register(0, OWNER);
        uint64 epoch = params.epoch();
        _setFee(5);
        equal(models.feeWeiAt(_hash(0), epoch), 0, "now");
        equal(models.feeWeiAt(_hash(0), epoch + 1), 5, "next");
        _setFee(6);
        equal(models.feeWeiAt(_hash(0), epoch), 0, "still now");
        equal(models.feeWeiAt(_hash(0), epoch + 1), 6, "the last word before the epoch");
        VM.warp(block.timestamp + 1 hours);
        _setFee(9);
        equal(models.feeWeiAt(_hash(0), epoch + 1), 6, "the epoch keeps its fee");
        equal(models.feeWeiAt(_hash(0), epoch + 2), 9, "and the next has another");
    }

    function test_boundsTheFee() public {
        Pedigree memory pedigree = _pedigree(OWNER);
        pedigree.feeWei = 0.01 ether + 1;
        bytes memory refusal = abi.encodeWithSelector(Models.FeeTooHigh.selector, pedigree.feeWei, 0.01 ether);
        _refuse(_receipts[0], 0, _proof(0), pedigree, refusal);
        _register(0, OWNER);
        VM.prank(OWNER);
        VM.expectRevert(refusal);
        models.setFee(_hash(0), 0.01 ether + 1);
    }

    function test_letsOnlyTheOwnerSetTheFee() public {
        bytes32 hash = _hash(0);
        VM.expectRevert(abi.encodeWithSelector(Models.NoModel.selector, hash));
        models.setFee(hash, 5);
        _register(0, OWNER);
        VM.expectRevert(abi.encodeWithSelector(Models.NotOwner.selector, hash, address(this)));
        models.setFee(hash, 5);
    }

    function test_changesHandsInTwoSteps() public {
        _register(0, OWNER);
        bytes32 hash = _hash(0);
        string memory adapter = _receipts[0].output;
        VM.expectRevert(abi.encodeWithSelector(Models.NotOwner.selector, hash, address(this)));
        models.offerOwnership(hash, address(this));
        VM.expectRevert(abi.encodeWithSelector(Models.NotHeir.selector, hash, address(this)));
        models.acceptOwnership(adapter);
        VM.prank(OWNER);
        models.offerOwnership(hash, address(this));
        require(models.model(adapter).owner == OWNER, "an offer changes nothing");
        VM.prank(address(0xB0B));
        VM.expectRevert(abi.encodeWithSelector(Models.NotHeir.selector, hash, address(0xB0B)));
        models.acceptOwnership(adapter);
        models.acceptOwnership(adapter);
        require(models.model(adapter).owner == address(this), "owner");
        VM.expectRevert(abi.encodeWithSelector(Models.NotHeir.selector, hash, address(this)));
        models.acceptOwnership(adapter);
        VM.prank(OWNER);
        VM.expectRevert(abi.encodeWithSelector(Models.NotOwner.selector, hash, OWNER));
        models.setFee(hash, 5);
    }

    function test_anOfferMayBeTakenBack() public {
        _register(0, OWNER);
        bytes32 hash = _hash(0);
        VM.prank(OWNER);
        models.offerOwnership(hash, address(this));
        VM.prank(OWNER);
        models.offerOwnership(hash, address(0));
        VM.expectRevert(abi.encodeWithSelector(Models.NotHeir.selector, hash, address(this)));
        models.acceptOwnership(_receipts[0].output);
    }

    function _badProof(uint256 index) private view returns (bytes memory) {
        return abi.encodeWithSelector(ModelRegistry.BadProof.selector, _receipts[0].jobId, 1, index);
    }

    function _refuseParent(uint256 index) private {
        bytes memory refusal = abi.encodeWithSelector(Models.BadParent.selector, index);
        _refuse(_receipts[0], 0, _proof(0), _pedigree(OWNER), refusal);
    }

    function _refuse(
        Receipt memory receipt,
        uint256 index,
        bytes32[] memory siblings,
        Pedigree memory pedigree,
        bytes memory refusal
    ) private {
        BatchHeader memory header = _header(1);
        VM.expectRevert(refusal);
        models.register(header, receipt, index, siblings, pedigree);
    }

    function _register(uint256 index, address owner) private {
        models.register(_header(1), _receipts[index], index, _proof(index), _pedigree(owner));
    }

    function _setFee(uint64 feeWei) private {
        bytes32 hash = _hash(0);
        VM.prank(OWNER);
        models.setFee(hash, feeWei);
    }

    function _pedigree(address owner) private view returns (Pedigree memory) {
        return Pedigree(owner, 0, 0, 0, _parents);
    }

    function _header(uint64 number) private view returns (BatchHeader memory header) {
        header.number = number;
        header.receiptsRoot = Trees.root(_leaves());
        header.receiptCount = uint32(_receipts.length);
    }

    function _hash(uint256 index) private view returns (bytes32) {
        return keccak256(bytes(_receipts[index].output));
    }

    function _receipt(uint256 seed, string memory task) private view returns (Receipt memory receipt) {
        receipt.jobId = keccak256(abi.encode("job", seed));
        receipt.task = task;
        receipt.requester = address(this);
        receipt.passedBy = new address[](seed);
        receipt.model = "base";
        receipt.output = string.concat(ADAPTER, VM.toString(seed));
        receipt.attribution = keccak256(abi.encode("index", seed));
    }

    function _leaves() private view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](_receipts.length);
        for (uint256 i = 0; i < leaves.length; i++) {
            leaves[i] = exposed.hashReceipt(_receipts[i]);
        }
    }

    function _proof(uint256 index) private view returns (bytes32[] memory) {
        return Trees.proof(_leaves(), index);
    }
}
