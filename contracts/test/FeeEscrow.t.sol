// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {FeeEscrow} from "../src/FeeEscrow.sol";
import {Account, Escrows} from "../src/libraries/Escrows.sol";
import {Charge} from "../src/types/Batch.sol";
import {Base} from "./support/Base.sol";
import {VM} from "./support/Vm.sol";

contract FeeEscrowTest is Base {
    uint256 private constant PAYER_KEY = 55;
    address private immutable PAYER = VM.addr(PAYER_KEY);

    function setUp() public {
        deploySystem();
        VM.deal(address(this), 1000 ether);
        escrow.deposit{value: 10 ether}(PAYER);
    }

    function test_takesWhatAVoucherAllows() public {
        equal(_redeem(charge(PAYER_KEY, 2 ether, 3 ether)), 2 ether, "total");
        Account memory known = escrow.account(PAYER);
        equal(known.depositedWei - known.redeemedWei, 8 ether, "balance");
        equal(known.redeemedWei, 2 ether, "redeemed");
        equal(known.authorisedWei, 3 ether, "authorised");
        equal(address(ledger).balance, 2 ether, "in the ledger");
    }

    function test_letsOnlyTheLedgerRedeem() public {
        Charge[] memory charges = new Charge[](1);
        charges[0] = charge(PAYER_KEY, 1, 1);
        VM.expectRevert(abi.encodeWithSelector(FeeEscrow.NotLedger.selector, address(this)));
        escrow.redeem(charges);
    }

    function test_refusesMoreThanTheVoucher() public {
        _redeem(charge(PAYER_KEY, 2 ether, 3 ether));
        _refuse(
            charge(PAYER_KEY, 1 ether + 1, 3 ether),
            abi.encodeWithSelector(Escrows.OverVoucher.selector, PAYER, 3 ether + 1, 3 ether)
        );
    }

    function test_refusesMoreThanTheBalance() public {
        _refuse(
            charge(PAYER_KEY, 10 ether + 1, 20 ether),
            abi.encodeWithSelector(Escrows.OverBalance.selector, PAYER, 10 ether + 1, 10 ether)
        );
    }

    /// @dev Jobs may settle in another order than they were signed in: an older voucher is covered by a newer one.
    function test_takesAnOlderVoucherWithoutLookingAtIt() public {
        _redeem(charge(PAYER_KEY, 1 ether, 5 ether));
        _redeem(Charge(PAYER, 4 ether, 2 ether, 0, 0));
        _refuse(
            Charge(PAYER, 1, 2 ether, 0, 0),
            abi.encodeWithSelector(Escrows.OverVoucher.selector, PAYER, 5 ether + 1, 5 ether)
        );
    }

    function test_refusesForeignAndMalformedVouchers() public {
        Charge[] memory bad = new Charge[](4);
        bad[0] = charge(56, 1, 1);
        bad[0].payer = PAYER;
        bad[1] = charge(PAYER_KEY, 1, 1);
        bad[1].cumulativeWei = 2;
        bad[2] = Charge(PAYER, 1, 1, 0, 0);
        bad[3] = Charge(address(0), 0, 1, 0, 0);
        for (uint256 i = 0; i < bad.length; i++) {
            _refuse(bad[i], abi.encodeWithSelector(Escrows.BadVoucher.selector, bad[i].payer, bad[i].cumulativeWei));
        }
    }

    function test_refusesAVoucherForAnotherEscrow() public {
        FeeEscrow other = FeeEscrow(create("FeeEscrow", abi.encode(address(this), rules)));
        other.deposit{value: 1 ether}(PAYER);
        Charge[] memory charges = new Charge[](1);
        charges[0] = charge(PAYER_KEY, 1, 1);
        VM.expectRevert(abi.encodeWithSelector(Escrows.BadVoucher.selector, PAYER, 1));
        other.redeem(charges);
    }

    function test_returnsEscrowAfterTheDelay() public {
        VM.prank(PAYER);
        escrow.requestExit(4 ether);
        uint64 exitAt = uint64(block.timestamp) + EXIT_DELAY;
        VM.prank(PAYER);
        VM.expectRevert(abi.encodeWithSelector(Escrows.ExitTooEarly.selector, PAYER, exitAt));
        escrow.withdraw();
        VM.warp(exitAt);
        VM.prank(PAYER);
        escrow.withdraw();
        equal(PAYER.balance, 4 ether, "paid");
        VM.prank(PAYER);
        VM.expectRevert(abi.encodeWithSelector(Escrows.NothingLeaves.selector, PAYER));
        escrow.withdraw();
    }

    /// @dev What was promised is paid from money that is about to leave; only the rest leaves.
    function test_paysForJobsOutOfWhatIsLeaving() public {
        VM.prank(PAYER);
        escrow.requestExit(10 ether);
        _redeem(charge(PAYER_KEY, 3 ether, 3 ether));
        VM.warp(block.timestamp + EXIT_DELAY);
        VM.prank(PAYER);
        escrow.withdraw();
        equal(PAYER.balance, 7 ether, "paid");
    }

    function test_takesAnExitRequestBack() public {
        VM.prank(PAYER);
        escrow.requestExit(10 ether);
        VM.prank(PAYER);
        escrow.requestExit(0);
        VM.warp(block.timestamp + EXIT_DELAY);
        VM.prank(PAYER);
        VM.expectRevert(abi.encodeWithSelector(Escrows.NothingLeaves.selector, PAYER));
        escrow.withdraw();
        VM.prank(PAYER);
        VM.expectRevert(abi.encodeWithSelector(Escrows.OverBalance.selector, PAYER, 11 ether, 10 ether));
        escrow.requestExit(11 ether);
    }

    /// @dev A longer request must wait anew: a short one may not ripen for it.
    function test_beginsTheDelayAnewForALargerExit() public {
        VM.prank(PAYER);
        escrow.requestExit(1);
        VM.warp(block.timestamp + EXIT_DELAY);
        VM.prank(PAYER);
        escrow.requestExit(10 ether);
        VM.prank(PAYER);
        VM.expectPartialRevert(Escrows.ExitTooEarly.selector);
        escrow.withdraw();
    }

    function test_paysOnceWhenThePayerCallsBack() public {
        GreedyPayer greedy = new GreedyPayer(escrow);
        escrow.deposit{value: 1 ether}(address(greedy));
        greedy.ask();
        VM.warp(block.timestamp + EXIT_DELAY);
        greedy.withdraw();
        equal(address(greedy).balance, 1 ether, "taken");
        equal(address(escrow).balance, 10 ether, "left");
    }

    function testFuzz_neverTakesMoreThanPromised(uint80 first, uint80 second, uint80 promised) public {
        VM.deal(address(this), 2 * uint256(type(uint80).max));
        escrow.deposit{value: uint256(first) + second}(PAYER);
        bool mayFirst = first <= promised;
        bool mayBoth = uint256(first) + second <= promised;
        require(_try(charge(PAYER_KEY, first, promised)) == mayFirst, "first");
        if (mayFirst) require(_try(charge(PAYER_KEY, second, promised)) == mayBoth, "second");
    }

    function _redeem(Charge memory one) private returns (uint256) {
        Charge[] memory charges = new Charge[](1);
        charges[0] = one;
        VM.prank(address(ledger));
        return escrow.redeem(charges);
    }

    function _try(Charge memory one) private returns (bool) {
        Charge[] memory charges = new Charge[](1);
        charges[0] = one;
        VM.prank(address(ledger));
        try escrow.redeem(charges) {
            return true;
        } catch {
            return false;
        }
    }

    function _refuse(Charge memory one, bytes memory refusal) private {
        Charge[] memory charges = new Charge[](1);
        charges[0] = one;
        VM.prank(address(ledger));
        VM.expectRevert(refusal);
        escrow.redeem(charges);
    }
}

/// @notice Withdraws again while it is being paid.
contract GreedyPayer {
    FeeEscrow private immutable ESCROW;

    constructor(FeeEscrow escrow) {
        ESCROW = escrow;
    }

    function ask() external {
        ESCROW.requestExit(1 ether);
    }

    function withdraw() external {
        ESCROW.withdraw();
    }

    receive() external payable {
        try ESCROW.withdraw() {} catch {}
    }
}
